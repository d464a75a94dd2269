using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using Orchestrator.Coordinator.Broker;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Coordinator.Sweeps;
using Orchestrator.Testing;

namespace Orchestrator.Coordinator.Tests.Sweeps;

public sealed class SweepControllerTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_sweep_runs_to_its_end_and_releases_all_but_the_winner()
    {
        await using var world = await SweepWorld.StartAsync(folder["data"], answer: SweepWorld.Train);
        var id = await world.SubmitAsync();
        var last = (await world.WatchAsync(id))[^1];

        Assert.Equal("succeeded", last.State);
        Assert.Equal(6, last.Trials.Count);
        var best = last.Trials.MaxBy(trial => trial.Parameters.Fields["lr"].NumberValue)!;
        Assert.Equal((best.Number, best.Parameters.Fields["lr"].NumberValue), (last.Best.Trial, last.Best.Value));
        Assert.Equal(0.5, best.Metrics["test_accuracy"]);
        Assert.Equal($"{id}-{best.Number}-best", last.Best.Checkpoint);
        Assert.Single(world.Sent.OfType<ScoreTrial>());
        await SweepWorld.UntilAsync(() => world.Sent.OfType<ReleaseTrial>().Count() == 5);
        Assert.DoesNotContain(world.Sent.OfType<ReleaseTrial>(), release => release.Trial == best.Number);
    }

    [Fact]
    public async Task Nothing_is_sent_before_its_decision_is_journalled()
    {
        await using var world = await SweepWorld.StartAsync(folder["data"], answer: SweepWorld.Train);
        var early = 0;
        world.Sending = async message =>
        {
            if (message is RunTrial run)
            {
                var rows = await world.Journal.ReadStreamAsync(new StreamId("sweep", run.Sweep), 0, Token).ToListAsync(Token);
                if (rows.Count(row => row.Type == "TrialSuggested") <= run.Trial)
                {
                    Interlocked.Increment(ref early);
                }
            }
        };
        await world.WatchAsync(await world.SubmitAsync());
        Assert.Equal(0, early);
    }

    [Fact]
    public async Task After_a_restart_unfinished_trials_are_asked_for_again_with_what_is_known()
    {
        string id;
        await using (var before = await SweepWorld.StartAsync(folder["data"]))
        {
            id = await before.SubmitAsync();
            await SweepWorld.UntilAsync(() => before.Sent.OfType<RunTrial>().Count() == 2);
            await before.BringAsync(new TrialReported(id, 1, 1, $"{id}-1", 1, SweepWorld.Metrics("val_accuracy", 0.4)));
        }

        await using var after = await SweepWorld.StartAsync(folder["data"]);
        await SweepWorld.UntilAsync(() => after.Sent.OfType<RunTrial>().Count() == 2);
        Assert.Equal([(0, 0), (1, 1)], after.Sent.OfType<RunTrial>().OrderBy(run => run.Trial).Select(run => (run.Trial, run.KnownTicks)));
        Assert.Equal("running", (await after.GetAsync(id)).State);
    }

    [Fact]
    public async Task A_restart_in_the_middle_changes_nothing_of_the_result()
    {
        string id;
        var answered = 0;
        await using (var before = await SweepWorld.StartAsync(
            folder["data"], answer: message => Interlocked.Increment(ref answered) <= 3 ? SweepWorld.Train(message) : []))
        {
            id = await before.SubmitAsync();
            await SweepWorld.UntilAsync(() => before.Sent.Count > 3);
        }

        await using var after = await SweepWorld.StartAsync(folder["data"], answer: SweepWorld.Train);
        var resumed = (await after.WatchAsync(id))[^1];
        var undisturbed = (await after.WatchAsync(await after.SubmitAsync()))[^1];
        Assert.Equal(
            undisturbed.Trials.Select(trial => (trial.Number, trial.State, trial.Parameters.ToString(), trial.Epochs)),
            resumed.Trials.Select(trial => (trial.Number, trial.State, trial.Parameters.ToString(), trial.Epochs)));
        Assert.Equal((undisturbed.Best.Trial, undisturbed.Best.Value), (resumed.Best.Trial, resumed.Best.Value));
    }

    [Fact]
    public async Task A_silent_trial_is_asked_for_again_and_one_that_speaks_is_not()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(50));
        await using var world = await SweepWorld.StartAsync(folder["data"], time);
        var id = await world.SubmitAsync();
        await SweepWorld.UntilAsync(() => world.Sent.OfType<RunTrial>().Count() == 2);

        var submitted = time.GetUtcNow();
        time.Advance(SweepController.Silence / 2);
        await world.BringAsync(new TrialStarted(id, 1, 1, $"{id}-1"));
        await SweepWorld.UntilAsync(() =>
        {
            // Never so far that the other one has been silent for long as well.
            if (time.GetUtcNow() - submitted < 1.4 * SweepController.Silence)
            {
                time.Advance(SweepController.Silence / 15);
            }

            return world.Sent.OfType<RunTrial>().Count() == 3;
        });
        Assert.Equal(0, world.Sent.OfType<RunTrial>().Last().Trial);
    }

    [Fact]
    public async Task An_ended_sweep_is_told_again_and_then_at_rest()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(50));
        await using var world = await SweepWorld.StartAsync(folder["data"], time);
        var id = await world.SubmitAsync();
        await world.Api.CancelSweep(new V1.GetSweepRequest { Id = id }, SweepWorld.Call);
        await SweepWorld.UntilAsync(() => world.Sent.OfType<StopTrial>().Count() == 2);
        await world.BringAsync(new TrialFinished(id, 0, 1, $"{id}-0", "cancelled", "", "", 0, "", ""));
        await SweepWorld.UntilAsync(async () =>
        {
            time.Advance(TimeSpan.FromSeconds(3));
            var rows = await world.Journal.ReadStreamAsync(new StreamId("sweep", id), 0, Token).ToListAsync(Token);
            return rows[^1].Type == "Settled";
        });
        Assert.Single(world.Sent.OfType<StopTrial>(), stop => stop.Trial == 0);
        Assert.True(world.Sent.OfType<StopTrial>().Count(stop => stop.Trial == 1) > 1);
    }

    [Fact]
    public async Task Whoever_trains_for_a_cancelled_sweep_or_for_none_is_told_to_stop()
    {
        await using var world = await SweepWorld.StartAsync(folder["data"]);
        var id = await world.SubmitAsync();
        await world.Api.CancelSweep(new V1.GetSweepRequest { Id = id }, SweepWorld.Call);
        await SweepWorld.UntilAsync(() => world.Sent.OfType<StopTrial>().Count() == 2);
        await world.BringAsync(new TrialStarted(id, 0, 1, $"{id}-0"));
        await world.BringAsync(new TrialStarted("nobody", 0, 1, "nobody-0"));
        Assert.Equal(2, world.Sent.OfType<StopTrial>().Count(stop => stop.Run == $"{id}-0"));
        Assert.Single(world.Sent.OfType<StopTrial>(), stop => stop.Run == "nobody-0");
    }

    [Fact]
    public async Task One_trace_goes_from_submit_to_the_message_that_runs_a_trial()
    {
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "Orchestrator.Coordinator" or nameof(SweepControllerTests),
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);
        await using var world = await SweepWorld.StartAsync(folder["data"]);
        var spans = new List<(string Name, ActivityTraceId Trace, ActivitySpanId Parent)>();
        world.Sending = message =>
        {
            lock (spans)
            {
                spans.Add((Activity.Current!.DisplayName, Activity.Current.TraceId, Activity.Current.ParentSpanId));
            }

            return Task.CompletedTask;
        };
        using var source = new ActivitySource(nameof(SweepControllerTests));
        using var submit = source.StartActivity("submit")!;
        var id = await world.SubmitAsync();
        await SweepWorld.UntilAsync(() => world.Sent.Count >= 2);
        Assert.All(spans, span => Assert.Equal(("trial", submit.TraceId, submit.SpanId), span));
        Assert.Equal(submit.TraceId.ToHexString(), (await world.GetAsync(id)).TraceId);
    }

    [Fact]
    public async Task Trials_that_do_nothing_pass_by_the_hundred_every_second()
    {
        const int Trials = 2000;
        await using var world = await SweepWorld.StartAsync(folder["data"], answer: message => message switch
        {
            RunTrial run =>
            [
                new TrialStarted(run.Sweep, run.Trial, run.Attempt, run.Run),
                new TrialReported(run.Sweep, run.Trial, run.Attempt, run.Run, 1, SweepWorld.Metrics("val_accuracy", 0.5)),
                new TrialFinished(run.Sweep, run.Trial, run.Attempt, run.Run, "succeeded", "", "", 1, "", ""),
            ],
            _ => [],
        });
        var clock = Stopwatch.StartNew();
        var id = await world.SubmitAsync(set: [$"search.trials={Trials}", "search.parallel=32"]);
        var last = (await world.WatchAsync(id))[^1];
        TestContext.Current.TestOutputHelper?.WriteLine($"{Trials / clock.Elapsed.TotalSeconds:F0} trials/s");
        Assert.Equal(("succeeded", Trials), (last.State, last.Trials.Count(trial => trial.State == "succeeded")));
        Assert.Equal(0, last.Best.Trial);
    }
}
