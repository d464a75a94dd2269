using System.Diagnostics;
using Grpc.Core;
using Orchestrator.Control.Sweeps;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Datasets;
using Orchestrator.Specs;
using Orchestrator.Specs.Checks;
using Orchestrator.Specs.Reading;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>Sweeps, as people ask for them.</summary>
internal sealed class SweepApi(SweepBook book, DatasetRegistry datasets, ISweepRuns runs, ExternalTrials external, TimeProvider time) : SweepService.SweepServiceBase
{
    /// <summary>Between two looks at a watched sweep.</summary>
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(200);

    /// <summary>A sweep of many trials is shown less often, so that watching takes a twentieth of a core at most.</summary>
    private const int ShareOfWatching = 20;

    public override async Task<SubmitSweepResponse> SubmitSweep(SubmitSweepRequest request, ServerCallContext context)
    {
        var fileName = request.FileName.Length == 0 ? "sweep.yaml" : request.FileName;
        var file = SweepFile.Parse(request.File, fileName, request.Set);
        var earlier = new List<SweepState>();
        foreach (var sweep in file.Search.WarmStart)
        {
            var state = await book.ReadAsync(sweep, context.CancellationToken);
            earlier.Add(IsThere(state) ? state : throw PlaceOf("search.warm_start").Error("unknown-sweep", $"there is no sweep '{sweep}'", "orch sweep list shows those that there are"));
        }

        var settings = SweepFiling.SettingsOf(file, fileName, earlier);
        var dataset = await PinDatasetAsync(file, PlaceOf, context.CancellationToken);
        var package = await PinnedPackage.OfAsync(file.Package, request.Folder, PlaceOf, context.CancellationToken);
        string[] pinned = package is not null ? [$"package={package.Path}"]
            : file.IsCommand && file.Extremes[0].WorkingDirectory is var folder ? [$"working_directory={Path.GetFullPath(Path.Combine(request.Folder, folder ?? "."))}"]
            : [];
        var id = SweepId.New(file.Name);
        var submission = new Submission(
            file.Name, request.File, fileName, [.. request.Set, .. pinned], file.Labels, dataset, package?.Sha256 ?? "", Activity.Current?.Id);
        await book.ExecuteAsync(id, new SweepCommand.Submit(id, settings, submission, time.GetUtcNow()), context.CancellationToken);
        return new SubmitSweepResponse { Id = id, Notes = { file.Extremes.SelectMany(RunNotes.Of).Distinct(StringComparer.Ordinal) } };

        Place PlaceOf(string field) => FilePlaces.Find(request.File, fileName, request.Set, field);
    }

    public override async Task<ListSweepsResponse> ListSweeps(ListSweepsRequest request, ServerCallContext context)
    {
        var sweeps = new List<SweepState>();
        foreach (var id in await book.ListAsync(context.CancellationToken))
        {
            var state = await book.ReadAsync(id, context.CancellationToken);
            if (IsThere(state) && request.Labels.All(label => state.Submission!.Labels.TryGetValue(label.Key, out var value) && value == label.Value))
            {
                sweeps.Add(state);
            }
        }

        return new ListSweepsResponse
        {
            Sweeps = { sweeps.OrderBy(state => state.SubmittedAt).ThenBy(state => state.Id, StringComparer.Ordinal).Select(state => SweepView.Outline(state, time.GetUtcNow())) },
        };
    }

    public override async Task<Sweep> GetSweep(GetSweepRequest request, ServerCallContext context)
    {
        var state = await ReadAsync(request.Id, context.CancellationToken);
        var view = View(state);
        if (request.Explain)
        {
            view.Importance.AddRange(SweepView.ImportanceOf(state));
        }

        return view;
    }

    public override async Task<SweepFileText> GetSweepFile(GetSweepRequest request, ServerCallContext context)
    {
        var submission = (await ReadAsync(request.Id, context.CancellationToken)).Submission!;
        return new SweepFileText { File = submission.File, FileName = submission.FileName, Set = { submission.Set } };
    }

    public override Task<AskTrialResponse> AskTrial(AskTrialRequest request, ServerCallContext context) =>
        external.AskAsync(request, context.CancellationToken);

    public override Task<TellTrialResponse> TellTrial(TellTrialRequest request, ServerCallContext context) =>
        external.TellAsync(request, context.CancellationToken);

    public override async Task WatchSweep(GetSweepRequest request, IServerStreamWriter<Sweep> responseStream, ServerCallContext context)
    {
        await ReadAsync(request.Id, context.CancellationToken);
        if (await book.WatchAsync(request.Id, context.CancellationToken) is not { } sweep)
        {
            await responseStream.WriteAsync(View(await ReadAsync(request.Id, context.CancellationToken)), context.CancellationToken);
            return;
        }

        while (true)
        {
            var changed = sweep.Changed;
            var state = sweep.State;
            var started = time.GetTimestamp();
            if (IsThere(state))
            {
                await responseStream.WriteAsync(View(state), context.CancellationToken);
            }

            if (state.HasEnded)
            {
                return;
            }

            var rest = time.GetElapsedTime(started) * ShareOfWatching;
            await Task.Delay(rest > Glance ? rest : Glance, time, context.CancellationToken);
            await changed.WaitAsync(context.CancellationToken);
        }
    }

    public override Task<Sweep> PauseSweep(GetSweepRequest request, ServerCallContext context) =>
        TellAsync(request.Id, new SweepCommand.Pause(), context);

    public override Task<Sweep> ResumeSweep(GetSweepRequest request, ServerCallContext context) =>
        TellAsync(request.Id, new SweepCommand.Resume(time.GetUtcNow()), context);

    /// <summary>A loss beyond its budget pauses the sweep, so to go on is to try again.</summary>
    public override Task<Sweep> RetrySweep(GetSweepRequest request, ServerCallContext context) =>
        TellAsync(request.Id, new SweepCommand.Resume(time.GetUtcNow()), context);

    public override Task<Sweep> ExtendSweep(ExtendSweepRequest request, ServerCallContext context) =>
        TellAsync(request.Id, new SweepCommand.Extend(request.Trials, time.GetUtcNow()), context);

    public override Task<Sweep> CancelSweep(GetSweepRequest request, ServerCallContext context) =>
        TellAsync(request.Id, new SweepCommand.Cancel(time.GetUtcNow()), context);

    public override async Task<DeleteSweepResponse> DeleteSweep(GetSweepRequest request, ServerCallContext context)
    {
        if ((await ReadAsync(request.Id, context.CancellationToken)).HasEnded)
        {
            // First, so that a coordinator that dies in between leaves a sweep that can be deleted again.
            await runs.RemoveAllOfAsync(request.Id, context.CancellationToken);
        }

        await ExecuteAsync(request.Id, new SweepCommand.Delete(), context);
        await book.DeleteAsync(request.Id, context.CancellationToken);
        return new DeleteSweepResponse();
    }

    /// <summary>The best trial's checkpoint so far; null where no trial has ended with one.</summary>
    /// <exception cref="UserException">NOT_FOUND: there is no such sweep.</exception>
    public async Task<string?> BestCheckpointAsync(string sweep, CancellationToken cancellationToken)
    {
        var state = await ReadAsync(sweep, cancellationToken);
        return state.Best is { } best && state.Trials[best].End?.Checkpoint is { Length: > 0 } checkpoint ? checkpoint : null;
    }

    /// <summary>The hash of the dataset as it is now; empty where the file names none.</summary>
    private async Task<string> PinDatasetAsync(SweepFile file, Func<string, Place> placeOf, CancellationToken cancellationToken)
    {
        if (file.Dataset.Name.Length == 0)
        {
            return "";
        }

        var dataset = await datasets.FindAsync(file.Dataset.Name, placeOf, cancellationToken);
        foreach (var run in file.Extremes)
        {
            DatasetChecks.Check(run, dataset.Sample, placeOf);
        }

        return dataset.ManifestSha256;
    }

    private async Task<Sweep> TellAsync(string id, SweepCommand command, ServerCallContext context) => View(await ExecuteAsync(id, command, context));

    private async Task<SweepState> ExecuteAsync(string id, SweepCommand command, ServerCallContext context)
    {
        try
        {
            return await book.ExecuteAsync(id, command, context.CancellationToken);
        }
        catch (SweepRefusedException refusal)
        {
            throw Refusal(id, refusal);
        }
    }

    private async Task<SweepState> ReadAsync(string id, CancellationToken cancellationToken)
    {
        var state = id.Length == 0 ? SweepState.Initial : await book.ReadAsync(id, cancellationToken);
        return IsThere(state) ? state : throw Unknown(id);
    }

    private Sweep View(SweepState state) => SweepView.Of(state, time.GetUtcNow());

    internal static bool IsThere(SweepState state) => state.Phase is not (SweepPhase.None or SweepPhase.Deleted);

    internal static UserException Refusal(string id, SweepRefusedException refusal) => refusal.Code switch
    {
        "unknown-sweep" => Unknown(id),
        "out-of-range" => new UserException(StatusCode.InvalidArgument, refusal.Code, refusal.Message, refusal.Mend),
        _ => new UserException(StatusCode.FailedPrecondition, refusal.Code, refusal.Message, refusal.Mend),
    };

    internal static UserException Unknown(string id) =>
        new(StatusCode.NotFound, "unknown-sweep", $"there is no sweep '{id}'", "orch sweep list shows those that there are");
}
