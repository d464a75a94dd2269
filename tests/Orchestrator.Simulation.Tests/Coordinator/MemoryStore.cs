using System.Text;
using Grpc.Core;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Artifacts;
using Orchestrator.Training;

namespace Orchestrator.Simulation.Tests;

/// <summary>A checkpoint's content.</summary>
internal sealed record CheckpointImage(CheckpointManifest Manifest, ulong Weights)
{
    public string Id => $"{Manifest.Run}-{Manifest.Step}";
}

/// <summary>The checkpoints that the coordinator has. A file's bytes are the number of its content.</summary>
internal sealed class MemoryStore : IArtifactStore
{
    private readonly Dictionary<string, CheckpointImage> stored = new(StringComparer.Ordinal);
    private readonly List<CheckpointImage> contents = [];

    public byte[] BytesOf(CheckpointImage image)
    {
        contents.Add(image);
        return Encoding.ASCII.GetBytes((contents.Count - 1).ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    public CheckpointImage? Find(string id) => stored.GetValueOrDefault(id);

    public async Task<StoredCheckpoint> PutAsync(string id, IAsyncEnumerable<(string Path, ReadOnlyMemory<byte> Data)> parts, CancellationToken cancellationToken)
    {
        await foreach (var (_, data) in parts)
        {
            stored.TryAdd(id, contents[int.Parse(Encoding.ASCII.GetString(data.Span), System.Globalization.CultureInfo.InvariantCulture)]);
        }

        return new StoredCheckpoint(id, UriOf(id), 1);
    }

    public IAsyncEnumerable<(string Path, ReadOnlyMemory<byte> Data)> ReadAsync(string id, CancellationToken cancellationToken) =>
        throw new UserException(StatusCode.Unimplemented, "simulated", "content goes by Find");

    public void Delete(string id) => stored.Remove(id);

    public Task DeleteAsync(string id, CancellationToken cancellationToken)
    {
        Delete(id);
        return Task.CompletedTask;
    }

    public string UriOf(string id) => $"memory:{id}";
}
