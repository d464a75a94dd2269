using System.Security.Cryptography;

namespace Orchestrator.Coordinator.Datasets;

/// <summary>Chunks of one dataset that is being added. Each is hashed as it comes and flushed once it is whole.</summary>
public sealed class IncomingChunks : IAsyncDisposable
{
    private readonly string _folder;
    private readonly Dictionary<string, string> _received = new(StringComparer.Ordinal);
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private FileStream? _file;
    private string _sha256 = "";
    private long _left;

    internal IncomingChunks(string folder)
    {
        _folder = folder;
    }

    /// <summary>A folder for whatever else is needed meanwhile; it goes with the chunks.</summary>
    internal string Scratch => Directory.CreateDirectory(Path.Combine(_folder, "scratch")).FullName;

    /// <summary>Whole chunks: hash to path.</summary>
    internal IReadOnlyDictionary<string, string> Received => _received;

    /// <summary>Takes the next part; a new hash ends the chunk before it.</summary>
    /// <param name="sizes">Bytes of the chunks that may come, by hash.</param>
    /// <exception cref="Api.UserException">INVALID_ARGUMENT: a chunk that the manifest does not have, of another length, or with other bytes.</exception>
    public async Task WriteAsync(string sha256, ReadOnlyMemory<byte> data, IReadOnlyDictionary<string, long> sizes, CancellationToken cancellationToken)
    {
        if (sha256 != _sha256)
        {
            await EndChunkAsync();
            if (!sizes.TryGetValue(sha256, out _left))
            {
                throw DatasetErrors.Refused("stray-chunk", "a chunk came that the manifest does not have");
            }

            if (_received.ContainsKey(sha256))
            {
                throw DatasetErrors.Refused("chunk-came-twice", $"chunk {sha256} came twice");
            }

            _sha256 = sha256;
            _file = new FileStream(Path.Combine(_folder, sha256), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.Asynchronous);
        }

        _left -= data.Length;
        if (_left < 0)
        {
            throw DatasetErrors.Refused("tampered-chunk", $"chunk {sha256} is longer than the manifest says");
        }

        _hash.AppendData(data.Span);
        await _file!.WriteAsync(data, cancellationToken);
    }

    /// <summary>Ends the last chunk.</summary>
    /// <exception cref="Api.UserException">INVALID_ARGUMENT: it is too short or has other bytes than its hash says.</exception>
    public Task EndAsync() => EndChunkAsync();

    /// <summary>A whole chunk that lies on this machine; it is copied and checked like one that comes.</summary>
    public async Task CopyAsync(string sha256, string path, IReadOnlyDictionary<string, long> sizes, CancellationToken cancellationToken)
    {
        await using var file = File.OpenRead(path);
        var buffer = new byte[1 << 20];
        int read;
        while ((read = await file.ReadAsync(buffer, cancellationToken)) > 0)
        {
            await WriteAsync(sha256, buffer.AsMemory(0, read), sizes, cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_file is not null)
        {
            await _file.DisposeAsync();
        }

        _hash.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task EndChunkAsync()
    {
        if (_file is null)
        {
            return;
        }

        _file.Flush(flushToDisk: true);
        var path = _file.Name;
        await _file.DisposeAsync();
        _file = null;
        if (_left != 0)
        {
            throw DatasetErrors.Refused("truncated-chunk", $"chunk {_sha256} is shorter than the manifest says");
        }

        if (Convert.ToHexStringLower(_hash.GetHashAndReset()) != _sha256)
        {
            throw DatasetErrors.Refused("tampered-chunk", $"the bytes of chunk {_sha256} are not those that its hash says");
        }

        _received[_sha256] = path;
        _sha256 = "";
    }
}
