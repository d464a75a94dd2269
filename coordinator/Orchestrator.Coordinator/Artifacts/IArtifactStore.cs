namespace Orchestrator.Coordinator.Artifacts;

/// <summary>A checkpoint that lies in the store, whole and checked.</summary>
/// <param name="Bytes">Of all its files, the manifest included.</param>
public sealed record StoredCheckpoint(string Id, string Uri, long Bytes);

/// <summary>
/// Where checkpoints lie. A checkpoint is there whole or not at all: it is written aside, checked against the <c>files</c> of its
/// <c>manifest.json</c>, made durable and then shown under its identifier.
/// </summary>
public interface IArtifactStore
{
    /// <summary>Stores a checkpoint's files. Parts of one file follow each other. Where the identifier is there already, the same answer comes back and nothing is written.</summary>
    /// <exception cref="Api.UserException">INVALID_ARGUMENT (a name, a hash or the manifest is wrong), RESOURCE_EXHAUSTED (the disk is full); nothing is left then.</exception>
    Task<StoredCheckpoint> PutAsync(
        string id, IAsyncEnumerable<(string Path, ReadOnlyMemory<byte> Data)> parts, CancellationToken cancellationToken);

    /// <summary>The files one after the other, manifest first, in parts of at most 1 MiB; a part's memory is valid until the next one is asked for.</summary>
    /// <exception cref="Api.UserException">NOT_FOUND; DATA_LOSS where a file is not what the manifest says.</exception>
    IAsyncEnumerable<(string Path, ReadOnlyMemory<byte> Data)> ReadAsync(string id, CancellationToken cancellationToken);

    /// <summary>Takes the checkpoint away; nothing happens where there is none.</summary>
    Task DeleteAsync(string id, CancellationToken cancellationToken);

    /// <summary>Where the checkpoint lies or would lie.</summary>
    string UriOf(string id);
}
