using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Grpc.Core;
using Orchestrator.Coordinator.Api;
using Orchestrator.Data.Formats;

namespace Orchestrator.Coordinator.Artifacts;

/// <summary>Checkpoints as folders of one folder: <c>ROOT/ID/{manifest.json,model.safetensors,...}</c>; <c>ROOT/.incoming</c> holds what is being written.</summary>
public sealed class FolderArtifactStore : IArtifactStore
{
    private const int PartBytes = 1 << 20;
    private const int MaximumManifestBytes = 16 << 20;

    private readonly string _root;
    private readonly string _incoming;
    private readonly Func<string, Stream> _create;
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _writing = new(StringComparer.Ordinal);

    /// <summary>Opens or makes the folder, and takes away what a killed coordinator left half-written.</summary>
    public FolderArtifactStore(string root)
        : this(root, path => new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.Asynchronous))
    {
    }

    /// <param name="create">Opens a new file; a test's way to a full disk.</param>
    internal FolderArtifactStore(string root, Func<string, Stream> create)
    {
        _root = Path.GetFullPath(root);
        _incoming = Path.Combine(_root, ".incoming");
        _create = create;
        if (Directory.Exists(_incoming))
        {
            Directory.Delete(_incoming, recursive: true);
        }

        Directory.CreateDirectory(_incoming);
    }

    public string UriOf(string id)
    {
        CheckpointFiles.CheckId(id);
        return new Uri(FolderOf(id)).AbsoluteUri;
    }

    public async Task<StoredCheckpoint> PutAsync(
        string id, IAsyncEnumerable<(string Path, ReadOnlyMemory<byte> Data)> parts, CancellationToken cancellationToken)
    {
        CheckpointFiles.CheckId(id);
        var gate = _writing.GetOrAdd(id, _ => new SemaphoreSlim(1));
        await gate.WaitAsync(cancellationToken);
        try
        {
            return Stored(id) ?? await WriteAsync(id, parts, cancellationToken);
        }
        catch (IOException error) when (DiskSpace.IsFull(error))
        {
            throw new UserException(StatusCode.ResourceExhausted, "disk-full", $"no space left for checkpoint {id} in {_root}", "free some space or delete checkpoints");
        }
        finally
        {
            gate.Release();
            _writing.TryRemove(new(id, gate));
        }
    }

    public async IAsyncEnumerable<(string Path, ReadOnlyMemory<byte> Data)> ReadAsync(
        string id, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        CheckpointFiles.CheckId(id);
        var folder = FolderOf(id);
        var manifestPath = Path.Combine(folder, CheckpointFiles.Manifest);
        if (!File.Exists(manifestPath))
        {
            throw new UserException(StatusCode.NotFound, "unknown-checkpoint", $"there is no checkpoint {id}", "`checkpoint list` shows those there are");
        }

        var manifest = await File.ReadAllBytesAsync(manifestPath, cancellationToken);
        var files = CheckpointFiles.Parse(manifest);
        for (var at = 0; at < manifest.Length; at += PartBytes)
        {
            yield return (CheckpointFiles.Manifest, manifest.AsMemory(at, Math.Min(PartBytes, manifest.Length - at)));
        }

        var buffer = new byte[PartBytes];
        foreach (var (name, said) in files.Entries.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            await using var file = OpenForReading(id, folder, name);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long bytes = 0;
            int read;
            do
            {
                read = await file.ReadAtLeastAsync(buffer, PartBytes, throwOnEndOfStream: false, cancellationToken);
                hash.AppendData(buffer, 0, read);
                bytes += read;

                // An empty file has one empty part, so that the reader makes it too.
                if (read > 0 || bytes == 0)
                {
                    yield return (name, buffer.AsMemory(0, read));
                }
            }
            while (read == PartBytes);

            if (new CheckpointFiles.Entry(Hex(hash), bytes) != said)
            {
                throw Corrupt(id, name);
            }
        }
    }

    public Task DeleteAsync(string id, CancellationToken cancellationToken)
    {
        CheckpointFiles.CheckId(id);
        var folder = FolderOf(id);
        if (!Directory.Exists(folder))
        {
            return Task.CompletedTask;
        }

        // Renamed away first: a half-deleted checkpoint is never seen under its name.
        var aside = Path.Combine(_incoming, $"{id}.{Guid.NewGuid():n}.gone");
        Directory.Move(folder, aside);
        Directory.Delete(aside, recursive: true);
        return Task.CompletedTask;
    }

    private async Task<StoredCheckpoint> WriteAsync(
        string id, IAsyncEnumerable<(string Path, ReadOnlyMemory<byte> Data)> parts, CancellationToken cancellationToken)
    {
        var aside = Path.Combine(_incoming, $"{id}.{Guid.NewGuid():n}");
        Directory.CreateDirectory(aside);
        try
        {
            var received = await ReceiveAsync(aside, parts, cancellationToken);
            if (!received.TryGetValue(CheckpointFiles.Manifest, out var manifest) || manifest.Bytes > MaximumManifestBytes)
            {
                throw CheckpointFiles.Refused("missing-file", $"{CheckpointFiles.Manifest} did not come, or is too large");
            }

            CheckpointFiles.Parse(await File.ReadAllBytesAsync(Path.Combine(aside, CheckpointFiles.Manifest), cancellationToken)).Check(received);
            Durable.FlushFolder(aside);
            Directory.Move(aside, FolderOf(id));
            Durable.FlushFolder(_root);
            return new StoredCheckpoint(id, UriOf(id), received.Values.Sum(file => file.Bytes));
        }
        finally
        {
            if (Directory.Exists(aside))
            {
                Directory.Delete(aside, recursive: true);
            }
        }
    }

    private async Task<Dictionary<string, CheckpointFiles.Entry>> ReceiveAsync(
        string aside, IAsyncEnumerable<(string Path, ReadOnlyMemory<byte> Data)> parts, CancellationToken cancellationToken)
    {
        var received = new Dictionary<string, CheckpointFiles.Entry>(StringComparer.Ordinal);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        string? name = null;
        Stream? file = null;
        long bytes = 0;
        try
        {
            await foreach (var (path, data) in parts.WithCancellation(cancellationToken))
            {
                if (path != name)
                {
                    await CloseAsync();
                    CheckpointFiles.CheckName(path);
                    if (received.ContainsKey(path))
                    {
                        throw CheckpointFiles.Refused("file-came-twice", $"{path} came twice");
                    }

                    (name, bytes) = (path, 0);
                    file = _create(Path.Combine(aside, path));
                }

                hash.AppendData(data.Span);
                bytes += data.Length;
                await file!.WriteAsync(data, cancellationToken);
            }

            await CloseAsync();
            return received;
        }
        finally
        {
            if (file is not null)
            {
                await file.DisposeAsync();
            }
        }

        async Task CloseAsync()
        {
            if (file is null)
            {
                return;
            }

            if (file is FileStream onDisk)
            {
                onDisk.Flush(flushToDisk: true);
            }

            await file.DisposeAsync();
            file = null;
            received[name!] = new CheckpointFiles.Entry(Hex(hash), bytes);
        }
    }

    private StoredCheckpoint? Stored(string id)
    {
        var folder = new DirectoryInfo(FolderOf(id));
        return folder.Exists ? new StoredCheckpoint(id, UriOf(id), folder.EnumerateFiles().Sum(file => file.Length)) : null;
    }

    private string FolderOf(string id) => Path.Combine(_root, id);

    private static FileStream OpenForReading(string id, string folder, string name)
    {
        try
        {
            return new FileStream(Path.Combine(folder, name), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1, FileOptions.Asynchronous);
        }
        catch (FileNotFoundException)
        {
            throw Corrupt(id, name);
        }
    }

    private static UserException Corrupt(string id, string name) => new(
        StatusCode.DataLoss, "corrupt-checkpoint", $"{name} of checkpoint {id} is not what its manifest says", "use the checkpoint before it");

    private static string Hex(IncrementalHash hash) => Convert.ToHexStringLower(hash.GetHashAndReset());
}
