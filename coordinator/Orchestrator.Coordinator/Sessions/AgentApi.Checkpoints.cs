using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Artifacts;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sessions;

internal sealed partial class AgentApi
{
    /// <summary>Stores a checkpoint whole or not at all. It exists for its run only once CheckpointWritten is journalled.</summary>
    public override async Task<PutCheckpointResponse> PutCheckpoint(IAsyncStreamReader<PutCheckpointRequest> requestStream, ServerCallContext context)
    {
        if (!await requestStream.MoveNext(context.CancellationToken) || requestStream.Current.Header is not { } header
            || !CheckpointId.IsMatch(header.Id) || !header.Id.StartsWith(header.Run, StringComparison.Ordinal))
        {
            throw new UserException(StatusCode.InvalidArgument, "bad-checkpoint", "a checkpoint begins with a header that names it run-step");
        }

        // Whoever wrote it, as long as the state that it had lives on in some trainer.
        if (table.Find(header.Run) is not { } run || run.Members.IsEmpty || header.Generation < run.Lineage || header.Generation > run.LastGeneration)
        {
            // Heard to its end first: a stream that is refused while the other side still writes can break before the reason arrives.
            await foreach (var _ in PartsOf(requestStream, context.CancellationToken))
            {
            }

            throw new UserException(StatusCode.Aborted, "fenced", $"generation {header.Generation} of run {header.Run} is over");
        }

        if (!run.Checkpoints.Exists(record => record.Id == header.Id))
        {
            // What lies there under this name is of a generation that did not live to commit it, or was rejected as corrupt.
            await artifacts.DeleteAsync(header.Id, context.CancellationToken);
        }

        var stored = await artifacts.PutAsync(header.Id, PartsOf(requestStream, context.CancellationToken), context.CancellationToken);
        return new PutCheckpointResponse { Uri = stored.Uri, Bytes = stored.Bytes };
    }

    public override async Task GetCheckpointFiles(
        GetCheckpointFilesRequest request, IServerStreamWriter<CheckpointFilePart> responseStream, ServerCallContext context)
    {
        await foreach (var (path, data) in artifacts.ReadAsync(request.Id, context.CancellationToken))
        {
            await responseStream.WriteAsync(new CheckpointFilePart { Path = path, Data = ByteString.CopyFrom(data.Span) }, context.CancellationToken);
        }
    }

    private static async IAsyncEnumerable<(string Path, ReadOnlyMemory<byte> Data)> PartsOf(
        IAsyncStreamReader<PutCheckpointRequest> requests, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (await requests.MoveNext(cancellationToken))
        {
            if (requests.Current.File is { } part)
            {
                yield return (part.Path, part.Data.Memory);
            }
        }
    }

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex CheckpointId { get; }
}
