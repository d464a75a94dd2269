using Grpc.Core;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Broker;
using Orchestrator.Coordinator.Sweeps;
using Orchestrator.Specs;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Sweeps;

public sealed class SweepApiTests : IAsyncLifetime
{
    private readonly TemporaryFolder folder = new();
    private SweepWorld world = null!;

    public async ValueTask InitializeAsync() => world = await SweepWorld.StartAsync(folder["data"]);

    public async ValueTask DisposeAsync()
    {
        await world.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task What_was_submitted_is_shown_as_the_contract_says()
    {
        var id = await world.SubmitAsync();
        Assert.Matches("^digits-search-[0-9a-z]{6}$", id);

        var shown = await world.GetAsync(id);
        Assert.Equal(("Digits_search", "pending", "val_accuracy", "maximize"), (shown.Name, shown.State, shown.Objective.Metric, shown.Objective.Goal));
        Assert.Equal((6, 2, true, null), (shown.TrialsPlanned, shown.Trials.Count, shown.Repeatable, shown.Best));
        Assert.Equal("vision", shown.Labels["team"]);
        Assert.Equal((0, "pending", $"{id}-0"), (shown.Trials[0].Number, shown.Trials[0].State, shown.Trials[0].Run));
        Assert.InRange(shown.Trials[0].Parameters.Fields["lr"].NumberValue, 1e-3, 3e-2);
    }

    [Fact]
    public async Task A_trial_is_sent_with_its_resolved_file_and_the_pinned_dataset()
    {
        var id = await world.SubmitAsync();
        await SweepWorld.UntilAsync(() => world.Sent.OfType<RunTrial>().Any(run => run.Trial == 1));
        var shown = (await world.GetAsync(id)).Trials[1];
        var run = world.Sent.OfType<RunTrial>().First(run => run.Trial == 1);
        var spec = RunSpec.FromJson(run.Spec);
        Assert.Equal(shown.Parameters.Fields["lr"].NumberValue, spec.Training.Optimizer.LearningRate);
        Assert.Equal(("val_accuracy", "maximize"), (spec.Training.Checkpoint.Metric, spec.Training.Checkpoint.Goal));
        Assert.Equal(64, run.DatasetSha256.Length);
        Assert.Equal(($"{id}-1", 1, 0), (run.Run, run.Attempt, run.KnownTicks));
    }

    [Fact]
    public async Task A_grid_without_trials_takes_all_of_its_points()
    {
        var file = SweepWorld.File
            .Replace("sampler: random, trials: 6", "sampler: grid", StringComparison.Ordinal)
            .Replace("loguniform: [1e-3, 3e-2]", "choice: [1e-3, 2e-3, 3e-3]", StringComparison.Ordinal);
        Assert.Equal(6, (await world.GetAsync(await world.SubmitAsync(file))).TrialsPlanned);
    }

    [Fact]
    public async Task A_grid_over_a_range_without_points_is_refused_with_its_line()
    {
        var file = SweepWorld.File.Replace("sampler: random", "sampler: grid", StringComparison.Ordinal);
        var refusal = await Assert.ThrowsAsync<SpecException>(() => world.SubmitAsync(file));
        Assert.Equal(("endless-grid", "parameters.lr", 10, "digits.yaml"),
            (refusal.Error.Code, refusal.Error.Field, refusal.Error.Line, refusal.Error.File));
        Assert.Empty((await world.Api.ListSweeps(new ListSweepsRequest(), SweepWorld.Call)).Sweeps);
    }

    [Theory]
    [InlineData("{ loguniform: [3e-2, 1e-3] }")]
    [InlineData("{ loguniform: [0, 1e-3] }")]
    [InlineData("{ choice: [] }")]
    public async Task An_impossible_parameter_is_refused_with_its_name(string parameter)
    {
        var file = SweepWorld.File.Replace("{ loguniform: [1e-3, 3e-2] }", parameter, StringComparison.Ordinal);
        var refusal = await Assert.ThrowsAsync<SpecException>(() => world.SubmitAsync(file));
        Assert.StartsWith("parameters.lr", refusal.Error.Field, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_dataset_is_refused_with_its_place()
    {
        var refusal = await Assert.ThrowsAsync<SpecException>(() => world.SubmitAsync(set: ["dataset=nothing"]));
        Assert.Equal(("unknown-dataset", "--set", "dataset"), (refusal.Error.Code, refusal.Error.File, refusal.Error.Field));
    }

    [Fact]
    public async Task An_unknown_sweep_is_not_found_whatever_is_asked_of_it()
    {
        var unknown = new GetSweepRequest { Id = "none-123456" };
        foreach (var ask in new Func<Task>[]
        {
            () => world.Api.GetSweep(unknown, SweepWorld.Call),
            () => world.WatchAsync(unknown.Id),
            () => world.Api.PauseSweep(unknown, SweepWorld.Call),
            () => world.Api.ResumeSweep(unknown, SweepWorld.Call),
            () => world.Api.RetrySweep(unknown, SweepWorld.Call),
            () => world.Api.CancelSweep(unknown, SweepWorld.Call),
            () => world.Api.DeleteSweep(unknown, SweepWorld.Call),
        })
        {
            var refusal = await Assert.ThrowsAsync<UserException>(ask);
            Assert.Equal((StatusCode.NotFound, "unknown-sweep"), (refusal.Status, refusal.Code));
        }
    }

    [Fact]
    public async Task Sweeps_are_listed_by_label_in_the_order_of_submission()
    {
        var first = await world.SubmitAsync();
        var second = await world.SubmitAsync(SweepWorld.File.Replace("team: vision", "team: text", StringComparison.Ordinal));
        var all = await world.Api.ListSweeps(new ListSweepsRequest(), SweepWorld.Call);
        Assert.Equal([first, second], all.Sweeps.Select(sweep => sweep.Id));
        var some = await world.Api.ListSweeps(new ListSweepsRequest { Labels = { ["team"] = "text" } }, SweepWorld.Call);
        Assert.Equal([second], some.Sweeps.Select(sweep => sweep.Id));
    }

    [Fact]
    public async Task A_paused_sweep_goes_on_when_it_is_resumed()
    {
        // Its first trials train while it is paused; it can't have ended before.
        var resumed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Sending = message => message is RunTrial { Trial: > 5 } ? resumed.Task : Task.CompletedTask;
        world.Answer = SweepWorld.Train;
        var request = new GetSweepRequest { Id = await world.SubmitAsync(set: ["search.trials=50"]) };
        var paused = await world.Api.PauseSweep(request, SweepWorld.Call);
        Assert.Equal("paused", paused.State);
        Assert.Contains("resume", paused.Message, StringComparison.Ordinal);
        Assert.NotEqual("paused", (await world.Api.ResumeSweep(request, SweepWorld.Call)).State);
        resumed.SetResult();
        Assert.Equal("succeeded", (await world.WatchAsync(request.Id))[^1].State);
    }

    [Fact]
    public async Task A_lost_trial_is_run_again_on_retry()
    {
        var id = await world.SubmitAsync();
        await world.BringAsync(new TrialFinished(id, 0, 1, $"{id}-0", "failed", "lost", "no worker is left", 0, "", ""));
        var paused = await world.GetAsync(id);
        Assert.Equal(("paused", "paused"), (paused.State, paused.Trials[0].State));
        Assert.Contains($"orch sweep retry {id}", paused.Message, StringComparison.Ordinal);

        await world.Api.RetrySweep(new GetSweepRequest { Id = id }, SweepWorld.Call);
        await SweepWorld.UntilAsync(() => world.Sent.OfType<RunTrial>().Any(run => run.Run == $"{id}-0r2" && run.Attempt == 2));
    }

    [Fact]
    public async Task A_deleted_sweep_is_gone_with_all_that_it_kept()
    {
        var refused = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Sending = _ => refused.Task;
        world.Answer = SweepWorld.Train;
        var request = new GetSweepRequest { Id = await world.SubmitAsync() };
        Assert.Equal("sweep-running", (await Assert.ThrowsAsync<UserException>(() => world.Api.DeleteSweep(request, SweepWorld.Call))).Code);
        Assert.Empty(world.Removed);
        refused.SetResult();

        await world.WatchAsync(request.Id);
        await world.Api.DeleteSweep(request, SweepWorld.Call);
        Assert.Empty((await world.Api.ListSweeps(new ListSweepsRequest(), SweepWorld.Call)).Sweeps);
        Assert.Equal([request.Id], world.Removed);
        await SweepWorld.UntilAsync(() => world.Sent.OfType<ReleaseTrial>().Select(release => release.Trial).Distinct().Count() == 6);
        Assert.Equal("unknown-sweep", (await Assert.ThrowsAsync<UserException>(() => world.GetAsync(request.Id))).Code);
    }

    [Fact]
    public async Task What_an_ended_sweep_can_no_longer_do_is_refused()
    {
        world.Answer = SweepWorld.Train;
        var request = new GetSweepRequest { Id = await world.SubmitAsync() };
        await world.WatchAsync(request.Id);
        var refusal = await Assert.ThrowsAsync<UserException>(() => world.Api.CancelSweep(request, SweepWorld.Call));
        Assert.Equal((StatusCode.FailedPrecondition, "sweep-ended"), (refusal.Status, refusal.Code));
    }

    [Theory]
    [InlineData("Fashion CNN!", "fashion-cnn")]
    [InlineData("---", "sweep")]
    [InlineData("ä", "sweep")]
    public void An_identifier_starts_with_the_name(string name, string slug) => Assert.Matches($"^{slug}-[0-9a-z]{{6}}$", SweepId.New(name));

    [Fact]
    public async Task A_trial_is_asked_for_up_to_its_rung_and_further_once_it_is_promoted()
    {
        world.Answer = TrainUntil;
        var id = await world.SubmitAsync(SweepWorld.File, "training.epochs=3", "search.stopper=asha", "search.trials=6");
        await SweepWorld.UntilAsync(async () => (await world.GetAsync(id)).State == "succeeded");
        var shown = await world.GetAsync(id);
        Assert.Equal("asha", shown.Stopper);
        var whole = shown.Trials.First(trial => trial.Epochs == 3);
        Assert.Equal([1, 0], world.Sent.OfType<RunTrial>().Where(run => run.Trial == whole.Number).Select(run => run.UntilEpoch).Distinct());

        // By when what it does is due in logical time idle workers know whom the sweep waits for.
        Assert.Equal(0, world.Sent.OfType<RunTrial>().First(run => run.Trial == 0).Beginning);
        Assert.All(world.Sent.OfType<RunTrial>().Where(run => run.Trial == 5), run => Assert.True(run.Beginning > 0));
        var stopped = shown.Trials.First(trial => trial.State == "stopped");
        Assert.Contains("rung of epoch 1: rank", stopped.Message, StringComparison.Ordinal);
        Assert.Equal(1, stopped.Rung.Epoch);
        Assert.Contains(world.Sent.OfType<StopTrial>(), stop => stop.Trial == stopped.Number && stop.AfterEpoch == 1);
    }

    [Fact]
    public async Task A_sweep_that_has_succeeded_can_be_extended_and_says_what_it_was_made_of()
    {
        world.Answer = SweepWorld.Train;
        var id = await world.SubmitAsync(SweepWorld.File, "search.trials=12");
        await SweepWorld.UntilAsync(async () => (await world.GetAsync(id)).State == "succeeded");
        var refused = await Assert.ThrowsAsync<UserException>(() => world.Api.ExtendSweep(new ExtendSweepRequest { Id = id, Trials = 3 }, SweepWorld.Call));
        Assert.Equal("out-of-range", refused.Code);
        await world.Api.ExtendSweep(new ExtendSweepRequest { Id = id, Trials = 14 }, SweepWorld.Call);
        await SweepWorld.UntilAsync(async () => await world.GetAsync(id) is { State: "succeeded", Trials.Count: 14 });

        var explained = await world.Api.GetSweep(new GetSweepRequest { Id = id, Explain = true }, SweepWorld.Call);
        Assert.Equal(["hidden", "lr"], explained.Importance.Select(importance => importance.Parameter).Order(StringComparer.Ordinal));
        Assert.Equal("lr", explained.Importance[0].Parameter);
        Assert.Equal(explained.Best.Value, explained.BestSoFar[^1].Value);
        var file = await world.Api.GetSweepFile(new GetSweepRequest { Id = id }, SweepWorld.Call);
        Assert.Equal((SweepWorld.File, "search.trials=12"), (file.File, Assert.Single(file.Set)));
    }

    [Fact]
    public async Task A_sweep_ends_by_the_clock_where_its_file_says_so_and_does_not_repeat()
    {
        world.Answer = message => message is StopTrial ? TrainUntil(message) : [];
        var id = await world.SubmitAsync(SweepWorld.File, "search.stop.time=1s");
        await SweepWorld.UntilAsync(async () => (await world.GetAsync(id)).State == "failed");
        var shown = await world.GetAsync(id);
        Assert.False(shown.Repeatable);
        Assert.All(shown.Trials, trial => Assert.Equal("stopped", trial.State));
    }

    private static IEnumerable<object> TrainUntil(object message)
    {
        switch (message)
        {
            case RunTrial run:
                var rate = RunSpec.FromJson(run.Spec).Training.Optimizer.LearningRate;
                for (var epoch = run.KnownTicks + 1; epoch <= (run.UntilEpoch == 0 ? 3 : run.UntilEpoch); epoch++)
                {
                    yield return new TrialReported(run.Sweep, run.Trial, run.Attempt, run.Run, epoch, SweepWorld.Metrics("val_accuracy", rate));
                }

                if (run.UntilEpoch == 0)
                {
                    yield return new TrialFinished(run.Sweep, run.Trial, run.Attempt, run.Run, "succeeded", "", "", 3, $"{run.Run}-3", "hash");
                }

                break;
            case StopTrial stop:
                yield return new TrialFinished(stop.Sweep, stop.Trial, stop.Attempt, stop.Run, "stopped", "", "", stop.AfterEpoch ?? 0, stop.AfterEpoch > 0 ? $"{stop.Run}-{stop.AfterEpoch}" : "", "");
                break;
            case ScoreTrial score:
                yield return new TrialScored(score.Sweep, score.Trial, score.Attempt, score.Run, SweepWorld.Metrics("test_accuracy", 0.5));
                break;
        }
    }
}
