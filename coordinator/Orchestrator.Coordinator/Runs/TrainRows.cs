using System.Collections.Concurrent;
using Orchestrator.Coordinator.Datasets;
using Orchestrator.Data;

namespace Orchestrator.Coordinator.Runs;

/// <summary>How many rows a pinned dataset trains on; a hash never changes its meaning, so each is read once.</summary>
internal sealed class TrainRows(ChunkStore store)
{
    private readonly ConcurrentDictionary<string, long> known = new(StringComparer.Ordinal);

    /// <summary>0 where the manifest is not here: only the progress bar misses it.</summary>
    public async Task<long> OfAsync(string manifestSha256, CancellationToken cancellationToken)
    {
        if (known.TryGetValue(manifestSha256, out var rows))
        {
            return rows;
        }

        if (manifestSha256.Length == 0 || !store.HasManifest(manifestSha256))
        {
            return 0;
        }

        return known[manifestSha256] = DatasetManifest.Parse(await store.ReadManifestAsync(manifestSha256, cancellationToken)).Rows(SplitName.Train);
    }
}
