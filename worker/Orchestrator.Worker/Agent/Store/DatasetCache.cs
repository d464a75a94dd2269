using System.Security.Cryptography;
using Grpc.Core;
using Orchestrator.Data;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Session;
using Polly;
using OpenDataset = Orchestrator.Data.Dataset;

namespace Orchestrator.Worker.Agent.Store;

/// <summary>Datasets as a trainer reads them: a folder with the manifest, and links to the chunks that all datasets share.</summary>
internal sealed class DatasetCache(string folder, DatasetService.DatasetServiceClient coordinator, ChunkCache chunks, ResiliencePipeline retries)
{
    private readonly SemaphoreSlim assembling = new(1, 1);

    /// <summary>The folder of the dataset whose manifest has this SHA-256; every chunk is there and checked.</summary>
    /// <exception cref="FetchException">It can't be had.</exception>
    public async Task<string> EnsureAsync(string manifestSha256, CancellationToken cancellationToken)
    {
        var directory = Path.Combine(folder, manifestSha256);
        var bytes = await ManifestAsync(directory, manifestSha256, cancellationToken);
        var wanted = Parse(manifestSha256, bytes).Chunks.Select(chunk => chunk.Sha256).Distinct(StringComparer.Ordinal).ToArray();
        await Task.WhenAll(wanted.Select(sha256 => chunks.EnsureAsync(sha256, cancellationToken)));
        await assembling.WaitAsync(cancellationToken);
        try
        {
            Assemble(directory, bytes, wanted);
        }
        finally
        {
            assembling.Release();
        }

        return directory;
    }

    private async Task<byte[]> ManifestAsync(string directory, string sha256, CancellationToken cancellationToken)
    {
        var file = Path.Combine(directory, OpenDataset.ManifestFile);
        if (File.Exists(file) && await File.ReadAllBytesAsync(file, cancellationToken) is var kept && Hash(kept) == sha256)
        {
            return kept;
        }

        try
        {
            var response = await retries.ExecuteAsync(
                async token => await coordinator.GetManifestAsync(new GetManifestRequest { Sha256 = sha256 }, cancellationToken: token), cancellationToken);
            var bytes = response.Manifest.ToByteArray();
            return Hash(bytes) == sha256 ? bytes : throw new FetchException("corrupt", $"the dataset manifest {sha256} has other bytes than its name says on the coordinator; add the dataset again (or restart the coordinator for digits)");
        }
        catch (RpcException refusal)
        {
            throw new FetchException("user", $"the dataset manifest {sha256} can't be had: {refusal.Status.Detail}", refusal);
        }
    }

    private static DatasetManifest Parse(string sha256, byte[] bytes)
    {
        try
        {
            return DatasetManifest.Parse(bytes);
        }
        catch (DataFormatException broken)
        {
            throw new FetchException("corrupt", $"the dataset manifest {sha256}: {broken.Message}", broken);
        }
    }

    // The manifest comes last: a folder with a manifest has its chunks.
    private void Assemble(string directory, byte[] manifest, IEnumerable<string> wanted)
    {
        Directory.CreateDirectory(Path.Combine(directory, "chunks"));
        foreach (var sha256 in wanted)
        {
            var link = OpenDataset.ChunkPath(directory, sha256);
            if (!File.Exists(link))
            {
                File.Delete(link);
                File.CreateSymbolicLink(link, Path.GetRelativePath(Path.GetDirectoryName(link)!, chunks.PathOf(sha256)));
            }
        }

        var aside = Path.Combine(directory, OpenDataset.ManifestFile + ".part");
        File.WriteAllBytes(aside, manifest);
        File.Move(aside, Path.Combine(directory, OpenDataset.ManifestFile), overwrite: true);
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
