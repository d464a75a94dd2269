using Google.Protobuf;
using Grpc.Core;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Session;
using Polly;

namespace Orchestrator.Worker.Agent.Store;

/// <summary>Checkpoints between this machine and the coordinator's store.</summary>
internal sealed class CheckpointTransfer(AgentService.AgentServiceClient coordinator, ResiliencePipeline retries)
{
    private const int PartBytes = 1 << 20;

    /// <summary>Fetches a checkpoint's files into the folder; whoever loads them checks their hashes.</summary>
    /// <exception cref="FetchException">The coordinator does not have it.</exception>
    public async Task FetchAsync(string id, string directory, CancellationToken cancellationToken)
    {
        try
        {
            await retries.ExecuteAsync(
                async token =>
                {
                    AgentDirectory.DeleteFolder(directory);
                    Directory.CreateDirectory(directory);
                    using var call = coordinator.GetCheckpointFiles(new GetCheckpointFilesRequest { Id = id }, cancellationToken: token);
                    await ReceiveAsync(call.ResponseStream, directory, token);
                },
                cancellationToken);
        }
        catch (RpcException refusal)
        {
            throw new FetchException("corrupt", $"checkpoint {id} can't be had: {refusal.Status.Detail}", refusal);
        }
    }

    /// <summary>Stores the folder's files under the id; tries for as long as the coordinator is away.</summary>
    /// <param name="full">Called once where its store has no room: it is tried on.</param>
    /// <exception cref="RpcException">The coordinator refuses it.</exception>
    public async Task<PutCheckpointResponse> PutAsync(PutCheckpointHeader header, string directory, Action full, CancellationToken cancellationToken)
    {
        var said = false;
        return await retries.ExecuteAsync(
            async token =>
            {
                try
                {
                    return await PutOnceAsync(header, directory, token);
                }
                catch (RpcException refusal) when (refusal.StatusCode == StatusCode.ResourceExhausted && !said)
                {
                    said = true;
                    full();
                    throw;
                }
            },
            cancellationToken);
    }

    private async Task<PutCheckpointResponse> PutOnceAsync(PutCheckpointHeader header, string directory, CancellationToken cancellationToken)
    {
        using var call = coordinator.PutCheckpoint(cancellationToken: cancellationToken);
        try
        {
            await call.RequestStream.WriteAsync(new PutCheckpointRequest { Header = header }, cancellationToken);
            foreach (var file in Directory.GetFiles(directory, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            {
                await SendAsync(call.RequestStream, Path.GetRelativePath(directory, file), file, cancellationToken);
            }

            await call.RequestStream.CompleteAsync();
        }
        catch (Exception broken) when (broken is RpcException or InvalidOperationException && !cancellationToken.IsCancellationRequested)
        {
            // The coordinator answered before the last byte: its answer says why.
        }

        return await call.ResponseAsync;
    }

    private static async Task SendAsync(IClientStreamWriter<PutCheckpointRequest> stream, string path, string file, CancellationToken cancellationToken)
    {
        await using var content = File.OpenRead(file);
        var buffer = new byte[PartBytes];
        var sent = false;
        while (await content.ReadAtLeastAsync(buffer, PartBytes, throwOnEndOfStream: false, cancellationToken) is var read && (read > 0 || !sent))
        {
            await stream.WriteAsync(new PutCheckpointRequest { File = new CheckpointFilePart { Path = path, Data = ByteString.CopyFrom(buffer, 0, read) } }, cancellationToken);
            sent = true;
        }
    }

    private static async Task ReceiveAsync(IAsyncStreamReader<CheckpointFilePart> parts, string directory, CancellationToken cancellationToken)
    {
        FileStream? file = null;
        try
        {
            await foreach (var part in parts.ReadAllAsync(cancellationToken))
            {
                var path = Inside(directory, part.Path);
                if (file?.Name != path)
                {
                    await (file?.DisposeAsync() ?? ValueTask.CompletedTask);
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    file = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
                }

                await file.WriteAsync(part.Data.Memory, cancellationToken);
            }
        }
        finally
        {
            await (file?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }

    private static string Inside(string directory, string path)
    {
        var full = Path.GetFullPath(path, directory);
        return full.StartsWith(directory + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? full
            : throw new FetchException("corrupt", $"a checkpoint's file {path} leads out of its folder");
    }
}
