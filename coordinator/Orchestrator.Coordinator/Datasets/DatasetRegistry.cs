using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Grpc.Core;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Artifacts;
using Orchestrator.Data;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Coordinator.Datasets;

/// <summary>Which manifest each name means now. A dataset added again under its name changes no existing sweep: those pinned its hash.</summary>
public sealed partial class DatasetRegistry : IDisposable
{
    private readonly ChunkStore _store;
    private readonly string _file;
    private readonly SemaphoreSlim _changing = new(1);

    // Replaced as a whole, so that readers need no lock.
    private volatile SortedDictionary<string, string> _names;

    /// <param name="root">The datasets' folder; <c>names.json</c> in it holds the names.</param>
    public DatasetRegistry(ChunkStore store, string root)
    {
        _store = store;
        _file = Path.Combine(root, "names.json");
        _names = new(StringComparer.Ordinal);
        if (File.Exists(_file))
        {
            foreach (var (name, sha256) in JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllBytes(_file)) ?? [])
            {
                _names[name] = sha256;
            }
        }
    }

    /// <summary>Pins what the name means now.</summary>
    /// <exception cref="UserException">NOT_FOUND <c>unknown-dataset</c>.</exception>
    public async Task<PinnedDataset> FindAsync(string name, CancellationToken cancellationToken)
    {
        var names = _names;
        if (!names.TryGetValue(name, out var sha256))
        {
            throw DatasetErrors.Unknown(name, names.Keys);
        }

        return new PinnedDataset(name, sha256, DatasetManifest.Parse(await _store.ReadManifestAsync(sha256, cancellationToken)));
    }

    /// <summary>Pins what a file means by the name.</summary>
    /// <exception cref="Specs.SpecException"><c>unknown-dataset</c>, with the field's place.</exception>
    public async Task<PinnedDataset> FindAsync(string name, Func<string, Place> placeOf, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(placeOf);
        try
        {
            return await FindAsync(name, cancellationToken);
        }
        catch (UserException unknown) when (unknown.Status == StatusCode.NotFound)
        {
            throw placeOf("dataset").Error(unknown.Code, unknown.Message, unknown.Mend);
        }
    }

    /// <summary>All, by name.</summary>
    public async Task<IReadOnlyList<PinnedDataset>> ListAsync(CancellationToken cancellationToken)
    {
        var datasets = new List<PinnedDataset>();
        foreach (var (name, sha256) in _names)
        {
            datasets.Add(new PinnedDataset(name, sha256, DatasetManifest.Parse(await _store.ReadManifestAsync(sha256, cancellationToken))));
        }

        return datasets;
    }

    /// <exception cref="UserException">INVALID_ARGUMENT <c>bad-name</c>.</exception>
    public static void CheckName(string name)
    {
        if (!Name.IsMatch(name))
        {
            throw DatasetErrors.BadName(name);
        }
    }

    /// <summary>Keeps what was received, then lets the name mean it: until then nobody sees any of it.</summary>
    /// <exception cref="UserException">INVALID_ARGUMENT: a chunk of the manifest did not come and was not there.</exception>
    internal async Task<PinnedDataset> AddAsync(string name, byte[] manifestBytes, IncomingChunks incoming, CancellationToken cancellationToken)
    {
        CheckName(name);
        var manifest = DatasetManifest.Parse(manifestBytes);
        if (manifest.Chunks.FirstOrDefault(chunk => !incoming.Received.ContainsKey(chunk.Sha256) && !_store.HasChunk(chunk.Sha256)) is { } missing)
        {
            throw DatasetErrors.Refused("missing-chunk", $"chunk {missing.Sha256} did not come");
        }

        await _changing.WaitAsync(cancellationToken);
        try
        {
            await _store.KeepAsync(incoming, manifestBytes, cancellationToken);
            var sha256 = Convert.ToHexStringLower(SHA256.HashData(manifestBytes));
            await ReplaceAsync(new SortedDictionary<string, string>(_names, StringComparer.Ordinal) { [name] = sha256 }, cancellationToken);
            return new PinnedDataset(name, sha256, manifest);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Forgets the name; its chunks stay, since a sweep may have pinned them.</summary>
    /// <exception cref="UserException">NOT_FOUND <c>unknown-dataset</c>.</exception>
    public async Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken);
        try
        {
            var names = new SortedDictionary<string, string>(_names, StringComparer.Ordinal);
            if (!names.Remove(name))
            {
                throw DatasetErrors.Unknown(name, names.Keys);
            }

            await ReplaceAsync(names, cancellationToken);
        }
        finally
        {
            _changing.Release();
        }
    }

    public void Dispose() => _changing.Dispose();

    private async Task ReplaceAsync(SortedDictionary<string, string> names, CancellationToken cancellationToken)
    {
        await Durable.ReplaceAsync(_file, JsonSerializer.SerializeToUtf8Bytes(names), cancellationToken);
        _names = names;
    }

    [GeneratedRegex("^[a-z0-9][a-z0-9._-]{0,62}$", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Name { get; }
}
