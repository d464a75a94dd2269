using Google.Protobuf;
using Grpc.Core;
using Orchestrator.V1;

namespace Orchestrator.Worker.Tests.Cluster;

internal sealed class FakeAgentService(FakeCoordinator coordinator) : AgentService.AgentServiceBase
{
    public override async Task Session(IAsyncStreamReader<AgentMessage> requestStream, IServerStreamWriter<CoordinatorMessage> responseStream, ServerCallContext context)
    {
        if (coordinator.Token is { } token && context.RequestHeaders.GetValue("authorization") != "Bearer " + token)
        {
            throw new RpcException(new Status(StatusCode.Unauthenticated, "The token is wrong."));
        }

        await requestStream.MoveNext();
        coordinator.Registers.Enqueue(requestStream.Current.Register);
        await responseStream.WriteAsync(new CoordinatorMessage { Registered = new Registered { HeartbeatSeconds = 0.2, Acknowledged = Acknowledged() } });
        using var breaking = CancellationTokenSource.CreateLinkedTokenSource(coordinator.Sessions.Begin(responseStream), context.CancellationToken);
        try
        {
            while (await requestStream.MoveNext(breaking.Token))
            {
                await HearAsync(requestStream.Current);
            }
        }
        finally
        {
            coordinator.Sessions.End(responseStream);
        }
    }

    public override async Task<PutCheckpointResponse> PutCheckpoint(IAsyncStreamReader<PutCheckpointRequest> requestStream, ServerCallContext context)
    {
        var id = "";
        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        await foreach (var part in requestStream.ReadAllAsync())
        {
            if (part.Header is { } header)
            {
                id = header.Id;
                continue;
            }

            files[part.File.Path] = [.. files.GetValueOrDefault(part.File.Path, []), .. part.File.Data];
        }

        coordinator.Checkpoints[id] = files;
        return new PutCheckpointResponse { Uri = "memory:" + id, Bytes = files.Values.Sum(file => file.LongLength) };
    }

    public override async Task GetCheckpointFiles(GetCheckpointFilesRequest request, IServerStreamWriter<CheckpointFilePart> responseStream, ServerCallContext context)
    {
        foreach (var (path, bytes) in coordinator.Checkpoints[request.Id])
        {
            foreach (var part in bytes.Chunk(1 << 20))
            {
                await responseStream.WriteAsync(new CheckpointFilePart { Path = path, Data = ByteString.CopyFrom(part) });
            }
        }
    }

    private ulong Acknowledged() => coordinator.Acknowledges ? coordinator.Reports.Select(report => report.Sequence).LastOrDefault() : 0;

    private async Task HearAsync(AgentMessage message)
    {
        switch (message.MessageCase)
        {
            case AgentMessage.MessageOneofCase.Heartbeat:
                coordinator.Heartbeats.Enqueue(message.Heartbeat);
                break;
            case AgentMessage.MessageOneofCase.Report:
                coordinator.Hear(message.Report);
                if (coordinator.Acknowledges)
                {
                    await coordinator.SendAsync(new CoordinatorMessage { Acknowledge = new Acknowledge { Sequence = message.Report.Sequence } });
                }

                break;
            case AgentMessage.MessageOneofCase.Draining:
                coordinator.Draining = true;
                break;
            case AgentMessage.MessageOneofCase.Log:
                message.Log.Lines.ToList().ForEach(line => coordinator.Log.Enqueue((message.Log.Run, line)));
                break;
            default:
                throw new RpcException(new Status(StatusCode.InvalidArgument, $"unexpected {message.MessageCase}"));
        }
    }
}

internal sealed class FakeDatasetService(FakeCoordinator coordinator) : DatasetService.DatasetServiceBase
{
    public override Task<GetManifestResponse> GetManifest(GetManifestRequest request, ServerCallContext context) => request.Sha256 == coordinator.Digits.ManifestSha256
        ? Task.FromResult(new GetManifestResponse { Manifest = ByteString.CopyFrom(coordinator.Digits.Manifest), Sha256 = request.Sha256 })
        : throw new RpcException(new Status(StatusCode.NotFound, "There is no such dataset."));

    public override async Task GetChunk(GetChunkRequest request, IServerStreamWriter<ChunkPart> responseStream, ServerCallContext context)
    {
        coordinator.ChunksFetched.Enqueue(request.Sha256);
        foreach (var part in coordinator.Digits.Chunk(request.Sha256).Chunk(64 << 10))
        {
            await responseStream.WriteAsync(new ChunkPart { Sha256 = request.Sha256, Data = ByteString.CopyFrom(part) });
        }
    }
}
