using System.Collections.Concurrent;
using System.Security.Cryptography;
using Grpc.Core;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Session;
using Polly;

namespace Orchestrator.Worker.Agent.Store;

/// <summary>Chunks by the SHA-256 of their bytes: <c>chunks/SHA256.safetensors</c>. Tasks that want one chunk at the same time fetch it once.</summary>
internal sealed class ChunkCache
{
    private const int FetchesAtATime = 4;
    private const int TriesOfACorruptChunk = 3;

    private readonly string folder;
    private readonly DatasetService.DatasetServiceClient coordinator;
    private readonly ResiliencePipeline retries;
    private readonly CancellationToken stopping;
    private readonly ConcurrentDictionary<string, Lazy<Task>> fetches = new();
    private readonly SemaphoreSlim fetching = new(FetchesAtATime, FetchesAtATime);

    /// <param name="stopping">The agent's end: a fetch belongs to all who wait for it, not to the first of them.</param>
    public ChunkCache(string folder, DatasetService.DatasetServiceClient coordinator, ResiliencePipeline retries, CancellationToken stopping)
    {
        this.folder = folder;
        this.coordinator = coordinator;
        this.retries = retries;
        this.stopping = stopping;
        Directory.CreateDirectory(folder);
        foreach (var half in Directory.GetFiles(folder, "*.part"))
        {
            File.Delete(half);
        }
    }

    public string PathOf(string sha256) => Path.Combine(folder, sha256 + ".safetensors");

    /// <summary>Ends when the chunk is there and its bytes have been checked in this agent's lifetime.</summary>
    /// <exception cref="FetchException">The coordinator does not have it, or has other bytes under its name.</exception>
    public async Task EnsureAsync(string sha256, CancellationToken cancellationToken)
    {
        var fetch = fetches.GetOrAdd(sha256, hash => new Lazy<Task>(() => Task.Run(() => CheckOrFetchAsync(hash), CancellationToken.None)));
        try
        {
            await fetch.Value.WaitAsync(cancellationToken);
        }
        catch (Exception) when (fetch.Value is { IsCompleted: true, IsCompletedSuccessfully: false })
        {
            fetches.TryRemove(KeyValuePair.Create(sha256, fetch));
            throw;
        }
    }

    private async Task CheckOrFetchAsync(string sha256)
    {
        await fetching.WaitAsync(stopping);
        try
        {
            if (File.Exists(PathOf(sha256)) && await HashAsync(PathOf(sha256)) == sha256)
            {
                return;
            }

            for (var attempt = 1; !await FetchAsync(sha256); attempt++)
            {
                if (attempt == TriesOfACorruptChunk)
                {
                    throw new FetchException("corrupt", $"chunk {sha256} has other bytes than its name says on the coordinator; add the dataset again (or restart the coordinator for digits)");
                }
            }
        }
        finally
        {
            fetching.Release();
        }
    }

    private async Task<bool> FetchAsync(string sha256)
    {
        var aside = PathOf(sha256) + ".part";
        try
        {
            await retries.ExecuteAsync(
                async token =>
                {
                    using var call = coordinator.GetChunk(new GetChunkRequest { Sha256 = sha256 }, cancellationToken: token);
                    await using var file = new FileStream(aside, FileMode.Create, FileAccess.Write);
                    await foreach (var part in call.ResponseStream.ReadAllAsync(token))
                    {
                        await file.WriteAsync(part.Data.Memory, token);
                    }
                },
                stopping);
        }
        catch (RpcException refusal)
        {
            throw new FetchException("corrupt", $"chunk {sha256} can't be had: {refusal.Status.Detail}", refusal);
        }

        if (await HashAsync(aside) != sha256)
        {
            File.Delete(aside);
            return false;
        }

        File.Move(aside, PathOf(sha256), overwrite: true);
        return true;
    }

    private async Task<string> HashAsync(string path)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, stopping));
    }
}
