using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Artifacts;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Runs;

/// <summary>The sweep's best checkpoint, or null where it has none yet.</summary>
/// <exception cref="UserException">NOT_FOUND: there is no such sweep.</exception>
internal delegate Task<string?> BestCheckpointOfSweep(string sweep, CancellationToken cancellationToken);

/// <summary>What people ask of checkpoints.</summary>
internal sealed class CheckpointApi(RunCoordinator runs, RunTable table, IArtifactStore artifacts, BestCheckpointOfSweep best, TimeProvider time)
    : CheckpointService.CheckpointServiceBase
{
    public override Task<ListCheckpointsResponse> ListCheckpoints(ListCheckpointsRequest request, ServerCallContext context)
    {
        if (request.Run.Length > 0 && table.Find(request.Run) is null)
        {
            throw new UserException(StatusCode.NotFound, "unknown-run", $"there is no run {request.Run}", "orch run list shows those that are");
        }

        var response = new ListCheckpointsResponse();
        response.Checkpoints.AddRange(table.List()
            .Where(run => request.Run.Length == 0 || run.Id == request.Run)
            .Where(run => request.Sweep.Length == 0 || run.Trial?.Sweep == request.Sweep)
            .SelectMany(run => run.Checkpoints.OrderBy(record => record.Step).Select(record => RunViews.Of(run.Id, record))));
        return Task.FromResult(response);
    }

    public override Task<Checkpoint> GetCheckpoint(GetCheckpointRequest request, ServerCallContext context)
    {
        var (run, record) = Find(request.Id);
        return Task.FromResult(RunViews.Of(run.Id, record));
    }

    public override async Task<DeleteCheckpointResponse> DeleteCheckpoint(GetCheckpointRequest request, ServerCallContext context)
    {
        var (run, record) = Find(request.Id);
        if (run.Outcome is null || run.IsActive)
        {
            throw new UserException(
                StatusCode.FailedPrecondition, "still-running", $"run {run.Id} is {run.Name} and may need it", "delete it when the run has ended");
        }

        await runs.ExecuteAsync(run.Id, new RunCommand.ReleaseOne(record.Id, time.GetUtcNow()));
        await artifacts.DeleteAsync(record.Id, context.CancellationToken);
        return new DeleteCheckpointResponse();
    }

    public override async Task FetchCheckpoint(FetchCheckpointRequest request, IServerStreamWriter<FilePart> responseStream, ServerCallContext context)
    {
        var id = request.WhichCase is FetchCheckpointRequest.WhichOneofCase.BestOfSweep
            ? await best(request.BestOfSweep, context.CancellationToken)
                ?? throw new UserException(
                    StatusCode.FailedPrecondition, "no-checkpoint", $"sweep {request.BestOfSweep} has no checkpoint yet", "wait until a trial has written one")
            : request.Id;
        var (run, record) = Find(id);
        var first = true;
        await foreach (var (path, data) in artifacts.ReadAsync(id, context.CancellationToken))
        {
            var part = new FilePart { Path = path, Data = ByteString.CopyFrom(data.Span) };
            if (first)
            {
                part.Checkpoint = RunViews.Of(run.Id, record);
                first = false;
            }

            await responseStream.WriteAsync(part, context.CancellationToken);
        }
    }

    public static UserException Unknown(string id) =>
        new(StatusCode.NotFound, "unknown-checkpoint", $"there is no checkpoint {id}", "orch checkpoint list shows those that are");

    private (RunState Run, CheckpointRecord Record) Find(string id) => table.FindCheckpoint(id) ?? throw Unknown(id);
}
