using Orchestrator.Coordinator.Hosting;
using Orchestrator.Data;
using Orchestrator.Data.Augmentation;
using Orchestrator.Data.Importing;

namespace Orchestrator.Coordinator.Datasets;

/// <summary>Imports <c>digits</c> (1,797 handwritten digits, u8 [1, 8, 8], ten classes) before the coordinator takes its first call, where it is not there yet.</summary>
internal sealed partial class BuiltInDigits(DatasetRegistry registry, ChunkStore store, ILogger<BuiltInDigits> logger) : IHostedService
{
    public const string Name = "digits";

    private const string Resource = "digits.csv.gz";

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (await IsWholeAsync(cancellationToken))
        {
            return;
        }

        await using var incoming = store.Receive();
        var source = Path.Combine(incoming.Scratch, Resource);
        await using (var packed = typeof(BuiltInDigits).Assembly.GetManifestResourceStream(Resource)!)
        await using (var file = File.Create(source))
        {
            await packed.CopyToAsync(file, cancellationToken);
        }

        var folder = Path.Combine(incoming.Scratch, Name);
        var manifest = DatasetImport.Run(source, new ImportOptions { Format = "csv", ImageShape = new ImageShape(1, 8, 8) }, folder, cancellationToken);
        var sizes = manifest.Sizes();
        foreach (var sha256 in sizes.Keys)
        {
            await incoming.CopyAsync(sha256, Dataset.ChunkPath(folder, sha256), sizes, cancellationToken);
        }

        await incoming.EndAsync();
        var added = await registry.AddAsync(Name, manifest.ToBytes(), incoming, cancellationToken);
        LogImported(Name, added.ManifestSha256);
    }

    /// <summary>Nobody can add it again: a damaged one is mended here.</summary>
    private async Task<bool> IsWholeAsync(CancellationToken cancellationToken)
    {
        if ((await registry.ListAsync(cancellationToken)).SingleOrDefault(dataset => dataset.Name == Name) is not { } digits)
        {
            return false;
        }

        foreach (var chunk in digits.Manifest.Chunks)
        {
            if (!await store.HasWholeChunkAsync(chunk.Sha256, cancellationToken))
            {
                return false;
            }
        }

        return true;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(Level = LogLevel.Information, Message = "Imported the dataset {Name}: {ManifestSha256}")]
    private partial void LogImported(string name, string manifestSha256);
}
