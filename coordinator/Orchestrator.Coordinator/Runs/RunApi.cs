using System.Security.Cryptography;
using Grpc.Core;
using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Datasets;
using Orchestrator.Coordinator.Traces;
using Orchestrator.Specs;
using Orchestrator.Specs.Checks;
using Orchestrator.Specs.Reading;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Runs;

/// <summary>What people ask of runs.</summary>
internal sealed class RunApi(RunCoordinator runs, RunTable table, RunViews views, RunLogs logs, DatasetRegistry datasets, TrainRows rows, RunOrigins origins, RunRemoval removal,
    TraceStore traces, TimeProvider time) : RunService.RunServiceBase
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(250);

    /// <summary>Checks the file, pins its dataset and its assembly, and gives the run its identifier.</summary>
    public override async Task<SubmitRunResponse> SubmitRun(SubmitRunRequest request, ServerCallContext context)
    {
        var fileName = request.FileName.Length > 0 ? request.FileName : "run.yaml";
        var spec = RunFile.Parse(request.File, fileName, request.Set);
        var pinned = "";
        if (spec.IsCommand)
        {
            spec = spec with { WorkingDirectory = Path.GetFullPath(Path.Combine(request.Folder, spec.WorkingDirectory ?? ".")) };
        }
        else
        {
            var dataset = await datasets.FindAsync(spec.Dataset.Name, PlaceOf, context.CancellationToken);
            DatasetChecks.Check(spec, dataset.Sample, PlaceOf);
            pinned = dataset.ManifestSha256;
        }

        spec = spec with { Package = await PinnedPackage.OfAsync(spec.Package, request.Folder, PlaceOf, context.CancellationToken) };
        var id = $"run-{RandomNumberGenerator.GetHexString(10, lowercase: true)}";
        var plan = RunPlan.From(spec, await rows.OfAsync(pinned, context.CancellationToken));
        var from = request.From.Length > 0 ? await origins.TakeAsync(request.From, id, spec, pinned, context.CancellationToken) : null;
        try
        {
            await runs.ExecuteAsync(id, new RunCommand.Request(
                id, plan, spec.ToJson(), pinned, null, TraceContexts.Current(), TraceContexts.NewSpanId(), time.GetUtcNow(), From: from));
        }
        catch when (from is not null)
        {
            await origins.GiveBackAsync(from);
            throw;
        }

        return new SubmitRunResponse { Id = id, Notes = { RunNotes.Of(spec) } };

        Place PlaceOf(string field) => FilePlaces.Find(request.File, fileName, request.Set, field);
    }

    public override Task<ListRunsResponse> ListRuns(ListRunsRequest request, ServerCallContext context)
    {
        var response = new ListRunsResponse();
        response.Runs.AddRange(table.List().Where(state => request.Sweep.Length == 0 || state.Trial?.Sweep == request.Sweep).Select(views.Of));
        return Task.FromResult(response);
    }

    public override Task<Run> GetRun(GetRunRequest request, ServerCallContext context) => Task.FromResult(views.Of(Find(request.Id)));

    public override async Task WatchRun(GetRunRequest request, IServerStreamWriter<Run> responseStream, ServerCallContext context)
    {
        Run? told = null;
        using var timer = new PeriodicTimer(WatchInterval, time);
        do
        {
            var state = Find(request.Id);
            var view = views.Of(state);
            if (told is null || !Same(told, view))
            {
                await responseStream.WriteAsync(view, context.CancellationToken);
                told = view;
            }

            if (state is { Outcome: not null })
            {
                return;
            }
        }
        while (await timer.WaitForNextTickAsync(context.CancellationToken));
    }

    public override async Task<Run> CancelRun(GetRunRequest request, ServerCallContext context)
    {
        Find(request.Id);
        return views.Of(await runs.ExecuteAsync(request.Id, new RunCommand.Stop(Gracefully: false, time.GetUtcNow())));
    }

    public override async Task<DeleteRunResponse> DeleteRun(GetRunRequest request, ServerCallContext context)
    {
        await removal.RemoveAsync(Find(request.Id), context.CancellationToken);
        return new DeleteRunResponse();
    }

    public override async Task GetRunLogs(GetRunLogsRequest request, IServerStreamWriter<LogLine> responseStream, ServerCallContext context)
    {
        Find(request.Id);
        int? rank = request.HasRank ? request.Rank : null;
        bool Ended() => !request.Follow || table.Find(request.Id) is not { Outcome: null };
        await foreach (var line in logs.ReadAsync(request.Id, rank, Ended, context.CancellationToken))
        {
            await responseStream.WriteAsync(line, context.CancellationToken);
        }
    }

    public override async Task<RunTrace> GetRunTrace(GetRunRequest request, ServerCallContext context)
    {
        var trace = new RunTrace { TraceId = TraceContexts.TraceIdOf(Find(request.Id).TraceParent) };
        trace.Spans.AddRange(RunTraceSelection.Select(await traces.ReadAsync(trace.TraceId, context.CancellationToken), request.Id));
        return trace;
    }

    /// <summary>The clock alone is no news.</summary>
    private static bool Same(Run told, Run view)
    {
        var seconds = view.Seconds;
        view.Seconds = told.Seconds;
        var same = told.Equals(view);
        view.Seconds = seconds;
        return same;
    }

    private RunState Find(string id) => table.Find(id)
        ?? throw new UserException(StatusCode.NotFound, "unknown-run", $"there is no run {id}", "orch run list shows those that are");
}
