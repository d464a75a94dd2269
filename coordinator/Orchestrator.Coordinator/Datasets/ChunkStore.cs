using System.Security.Cryptography;
using Orchestrator.Coordinator.Artifacts;

namespace Orchestrator.Coordinator.Datasets;

/// <summary>
/// Manifests and chunks by the SHA-256 of their bytes: <c>ROOT/manifests/SHA256</c>, <c>ROOT/chunks/SHA256</c>. What is there is whole and was checked.
/// Nothing is ever taken away: a sweep may still need what no name means any more.
/// </summary>
public sealed class ChunkStore
{
    private readonly string _manifests;
    private readonly string _chunks;
    private readonly string _incoming;

    /// <summary>Opens or makes the folders, and takes away what a killed coordinator left half-received.</summary>
    public ChunkStore(string root)
    {
        _manifests = Directory.CreateDirectory(Path.Combine(root, "manifests")).FullName;
        _chunks = Directory.CreateDirectory(Path.Combine(root, "chunks")).FullName;
        _incoming = Path.Combine(root, ".incoming");
        if (Directory.Exists(_incoming))
        {
            Directory.Delete(_incoming, recursive: true);
        }

        Directory.CreateDirectory(_incoming);
    }

    public static bool IsHash(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigitLower);

    public bool HasChunk(string sha256) => IsHash(sha256) && File.Exists(Path.Combine(_chunks, sha256));

    /// <summary>There, with the bytes that its name says: a damaged one counts as missing, so that adding its dataset again mends it.</summary>
    public async Task<bool> HasWholeChunkAsync(string sha256, CancellationToken cancellationToken)
    {
        if (!HasChunk(sha256))
        {
            return false;
        }

        await using var chunk = OpenChunk(sha256);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(chunk, cancellationToken)) == sha256;
    }

    public bool HasManifest(string sha256) => IsHash(sha256) && File.Exists(Path.Combine(_manifests, sha256));

    /// <exception cref="Api.UserException">NOT_FOUND.</exception>
    public FileStream OpenChunk(string sha256) => HasChunk(sha256)
        ? new FileStream(Path.Combine(_chunks, sha256), FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan)
        : throw DatasetErrors.UnknownChunk();

    /// <exception cref="Api.UserException">NOT_FOUND.</exception>
    public Task<byte[]> ReadManifestAsync(string sha256, CancellationToken cancellationToken) => HasManifest(sha256)
        ? File.ReadAllBytesAsync(Path.Combine(_manifests, sha256), cancellationToken)
        : throw DatasetErrors.UnknownManifest();

    /// <summary>A place for chunks on their way in; disposing it takes away what was not kept.</summary>
    public IncomingChunks Receive() => new(Directory.CreateDirectory(Path.Combine(_incoming, $"{Guid.NewGuid():n}")).FullName);

    /// <summary>Shows received chunks under their hashes, then the manifest. Doing it again changes nothing.</summary>
    internal async Task KeepAsync(IncomingChunks incoming, byte[] manifest, CancellationToken cancellationToken)
    {
        foreach (var (sha256, path) in incoming.Received)
        {
            File.Move(path, Path.Combine(_chunks, sha256), overwrite: true);
        }

        Durable.FlushFolder(_chunks);
        await Durable.ReplaceAsync(Path.Combine(_manifests, Convert.ToHexStringLower(SHA256.HashData(manifest))), manifest, cancellationToken);
    }
}
