using System.Collections.Immutable;
using Orchestrator.Control.Sweeps;
using Orchestrator.Search;

namespace Orchestrator.Control.Tests.Sweeps;

public sealed class SweepTests
{
    [Fact]
    public void The_slots_are_filled_at_submit_and_their_runs_asked_for()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 4, parallel: 3));
        Assert.Equal([new SweepIntent.Run(0, 1), new SweepIntent.Run(1, 1), new SweepIntent.Run(2, 1)], SweepIntent.Of(sweep.State, sweep.Log));
    }

    [Fact]
    public void A_grid_ends_the_sweep_by_itself()
    {
        var space = new SearchSpace([new("x", new ParameterDomain.Integer(0, 2))]);
        var sweep = Sample.Submitted(Sample.Settings(trials: 100, parallel: 2) with { Space = space, Sampler = "grid" });
        for (var trial = 0; trial < 3; trial++)
        {
            sweep.Run(trial, 0.1);
        }

        Assert.Equal(SweepPhase.Succeeded, sweep.State.Phase);
        Assert.Equal(["x=0", "x=1", "x=2"], sweep.State.Trials.Select(trial => trial.Parameters.ToString()));
    }

    [Fact]
    public void Equal_values_go_to_the_earlier_epoch_then_to_the_lower_trial()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 3, parallel: 1));
        sweep.Run(0, 0.1, 0.9);
        sweep.Run(1, 0.9, 0.9);
        sweep.Run(2, 0.9);
        Assert.Equal(1, sweep.State.Best);
        Assert.Equal(1, sweep.State.Trials[1].Standing!.Epoch);
    }

    [Fact]
    public void The_last_report_counts_where_the_objective_says_so()
    {
        var settings = Sample.Settings(trials: 2, parallel: 1);
        var sweep = Sample.Submitted(settings with { Objective = settings.Objective with { At = ReportChoice.Last } });
        sweep.Run(0, 0.9, 0.2);
        sweep.Run(1, 0.1, 0.3);
        Assert.Equal(1, sweep.State.Best);
        Assert.Equal(0.2, sweep.State.Trials[0].Value);
    }

    [Fact]
    public void A_metric_that_is_not_finite_is_no_value()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 1, parallel: 1));
        sweep.Run(0, double.NaN, 0.5, double.PositiveInfinity);
        Assert.Equal(0.5, sweep.State.Trials[0].Value);
    }

    [Fact]
    public void The_winner_alone_is_scored_before_the_sweep_succeeds_and_the_others_are_released()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 2, parallel: 1));
        for (var trial = 0; trial < 2; trial++)
        {
            sweep.Report(trial, 1, 0.9 - (trial * 0.1));
            sweep.Finish(trial, 1, checkpoint: $"c{trial}");
        }

        Assert.Equal(SweepPhase.Scoring, sweep.State.Phase);
        Assert.Equal([new SweepIntent.Score(0, 1)], SweepIntent.Outstanding(sweep.State));

        Assert.Empty(sweep.Do(new SweepCommand.Score(1, 1, Sample.Metrics(0.1), Sample.At)));
        var events = sweep.Do(new SweepCommand.Score(0, 1, ImmutableDictionary<string, double>.Empty.Add("test_accuracy", 0.8), Sample.At));
        Assert.Equal(SweepPhase.Succeeded, sweep.State.Phase);
        Assert.Equal(0.8, sweep.State.Trials[0].TestMetrics!["test_accuracy"]);
        Assert.Equal([new SweepIntent.Release(1, 1)], SweepIntent.Of(sweep.State, events));
        Assert.Empty(sweep.Do(new SweepCommand.Score(0, 1, Sample.Metrics(0.1), Sample.At)));
    }

    [Fact]
    public void Without_a_checkpoint_there_is_nothing_to_score()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 1, parallel: 1));
        sweep.Run(0, 0.5);
        Assert.Equal(SweepPhase.Succeeded, sweep.State.Phase);
    }

    [Fact]
    public void The_best_few_keep_their_checkpoints()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 4, parallel: 1) with { Keep = 2 });
        double[] values = [0.3, 0.9, 0.1, 0.7];
        for (var trial = 0; trial < 4; trial++)
        {
            sweep.Report(trial, 1, values[trial]);
            sweep.Finish(trial, 1, checkpoint: "c");
        }

        sweep.Do(new SweepCommand.Score(1, 1, Sample.Metrics(0.8), Sample.At));
        Assert.Equal([1, 3], sweep.State.Kept);
        Assert.Equal([new SweepIntent.Release(0, 1), new SweepIntent.Release(2, 1)], SweepIntent.Outstanding(sweep.State));
    }

    [Fact]
    public void A_sweep_without_any_value_fails_and_says_why()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 2, parallel: 1));
        sweep.Run(0, (double?)null);
        sweep.Finish(1, 0, TrialStatus.Failed, "user", "System.Exception: boom");
        Assert.Equal(SweepPhase.Failed, sweep.State.Phase);
        Assert.Contains("boom", sweep.State.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_trial_has_no_value_and_the_sweep_goes_on()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 2, parallel: 1));
        sweep.Report(0, 1, 0.99);
        sweep.Finish(0, 1, TrialStatus.Failed, "diverged", "the loss is NaN");
        sweep.Run(1, 0.5);
        Assert.Equal((SweepPhase.Succeeded, 1), (sweep.State.Phase, sweep.State.Best));
        Assert.Equal((TrialStatus.Failed, "the loss is NaN"), (sweep.State.Trials[0].Status, sweep.State.Trials[0].Message));
    }

    [Fact]
    public void More_failures_than_allowed_end_the_sweep_and_stop_what_runs()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 9, parallel: 2) with { MaxFailures = 0 });
        sweep.Finish(0, 0, TrialStatus.Failed, "user", "boom");
        Assert.Equal(SweepPhase.Failed, sweep.State.Phase);
        Assert.Equal(TrialStatus.Cancelled, sweep.State.Trials[1].Status);
        Assert.Contains(new SweepIntent.Stop(1, 1), SweepIntent.Outstanding(sweep.State));

        sweep.Finish(1, 3, TrialStatus.Cancelled);
        Assert.DoesNotContain(new SweepIntent.Stop(1, 1), SweepIntent.Outstanding(sweep.State));
    }

    [Fact]
    public void A_loss_beyond_its_budget_pauses_the_sweep_until_a_retry_starts_another_attempt()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 1, parallel: 1));
        sweep.Report(0, 1, 0.5);
        sweep.Finish(0, 1, TrialStatus.Failed, "lost", "worker w1 is gone");
        Assert.True(sweep.State.IsPaused);
        Assert.Contains("orch sweep retry s", sweep.State.Message, StringComparison.Ordinal);
        Assert.Equal(TrialStatus.Paused, sweep.State.Trials[0].Status);
        Assert.Empty(SweepIntent.Outstanding(sweep.State));

        var events = sweep.Do(new SweepCommand.Resume(Sample.At));
        Assert.Equal([new SweepIntent.Run(0, 2)], SweepIntent.Of(sweep.State, events));
        Assert.Equal("s-0r2", sweep.State.Trials[0].Run("s"));

        sweep.Report(0, 2, 0.1, attempt: 1);
        Assert.Equal(1, sweep.State.Trials[0].KnownTicks);
        sweep.Report(0, 2, 0.6, attempt: 2);
        sweep.Finish(0, 2, attempt: 2);
        Assert.Equal((SweepPhase.Succeeded, 0.6, true), (sweep.State.Phase, sweep.State.Trials[0].Value, sweep.State.IsRepeatable));
        Assert.Equal([new SweepIntent.Release(0, 1)], SweepIntent.Outstanding(sweep.State));
    }

    [Fact]
    public void While_paused_reports_wait_and_nothing_is_suggested()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 2, parallel: 1));
        sweep.Do(new SweepCommand.Pause());
        sweep.Run(0, 0.5);
        Assert.Single(sweep.State.Trials);
        Assert.Empty(sweep.State.Trials[0].Values);

        sweep.Do(new SweepCommand.Resume(Sample.At));
        Assert.Equal(2, sweep.State.Trials.Count);
        Assert.Equal(0.5, sweep.State.Trials[0].Value);
    }

    [Fact]
    public void Cancelling_keeps_what_is_known_and_stops_the_rest()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 9, parallel: 3));
        sweep.Run(2, 0.5);
        sweep.Report(1, 1, 0.4);
        sweep.Do(new SweepCommand.Cancel(Sample.At));
        Assert.Equal(SweepPhase.Cancelled, sweep.State.Phase);
        Assert.Equal([TrialStatus.Cancelled, TrialStatus.Cancelled, TrialStatus.Succeeded], sweep.State.Trials.Select(trial => trial.Status));
        Assert.Equal([2], sweep.State.Kept);
        Assert.Equal([0, 1], SweepIntent.Outstanding(sweep.State).OfType<SweepIntent.Stop>().Select(stop => stop.Trial));
        Assert.Empty(sweep.Do(new SweepCommand.Cancel(Sample.At)));
    }

    [Fact]
    public void A_run_that_a_person_cancelled_makes_the_sweep_unrepeatable()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 2, parallel: 1));
        sweep.Finish(0, 0, TrialStatus.Cancelled);
        sweep.Run(1, 0.5);
        Assert.Equal((SweepPhase.Succeeded, false), (sweep.State.Phase, sweep.State.IsRepeatable));
    }

    [Fact]
    public void An_end_that_overtook_a_report_waits_for_it()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 1, parallel: 1));
        sweep.Report(0, 2, 0.6);
        sweep.Finish(0, 2);
        Assert.Equal(SweepPhase.Searching, sweep.State.Phase);
        Assert.Equal([new SweepIntent.Run(0, 1)], SweepIntent.Outstanding(sweep.State));

        sweep.Report(0, 1, 0.5);
        Assert.Equal((SweepPhase.Succeeded, 0.6), (sweep.State.Phase, sweep.State.Trials[0].Value));
    }

    [Theory]
    [InlineData("pause", "sweep-ended")]
    [InlineData("resume", "sweep-ended")]
    [InlineData("cancel", "sweep-ended")]
    [InlineData("submit", "sweep-exists")]
    public void What_comes_after_the_end_is_refused(string command, string code)
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 1, parallel: 1));
        sweep.Run(0, 0.5);
        Assert.Equal(code, Assert.Throws<SweepRefusedException>(() => sweep.Do(Command(command, sweep.State))).Code);
    }

    [Fact]
    public void A_sweep_is_deleted_only_after_its_end()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 1, parallel: 1));
        Assert.Equal("sweep-running", Assert.Throws<SweepRefusedException>(() => sweep.Do(new SweepCommand.Delete())).Code);
        sweep.Report(0, 1, 0.5);
        sweep.Finish(0, 1, checkpoint: "c");
        sweep.Do(new SweepCommand.Score(0, 1, Sample.Metrics(0.5), Sample.At));
        var events = sweep.Do(new SweepCommand.Delete());
        Assert.Equal([new SweepIntent.Release(0, 1)], SweepIntent.Of(sweep.State, events));
        Assert.Equal("unknown-sweep", Assert.Throws<SweepRefusedException>(() => sweep.Do(new SweepCommand.Cancel(Sample.At))).Code);
    }

    [Fact]
    public void Messages_about_nothing_of_the_sweep_decide_nothing()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 2, parallel: 1));
        Assert.Empty(sweep.Do(new SweepCommand.Start(5, 1, Sample.At)));
        Assert.Empty(sweep.Do(new SweepCommand.Start(0, 2, Sample.At)));
        Assert.Empty(sweep.Do(new SweepCommand.Report(-1, 1, 1, Sample.Metrics(1), Sample.At)));
        Assert.Empty(sweep.Do(new SweepCommand.Report(0, 1, 0, Sample.Metrics(1), Sample.At)));
        Assert.Empty(sweep.Do(new SweepCommand.Report(0, 1, SweepDecision.MostTicksAhead + 1, Sample.Metrics(1), Sample.At)));
        Assert.Empty(SweepDecision.Decide(SweepState.Initial, new SweepCommand.Start(0, 1, Sample.At)));
    }

    [Fact]
    public void A_long_sweep_costs_the_same_for_every_trial()
    {
        const int Trials = 10_000;
        var sweep = Sample.Submitted(Sample.Settings(trials: Trials, parallel: 16));
        for (var trial = 0; trial < Trials; trial++)
        {
            sweep.Run(trial, 0.5);
        }

        Assert.Equal(SweepPhase.Succeeded, sweep.State.Phase);
        Assert.InRange(sweep.Log.Count, 6 * Trials, (6 * Trials) + 10);
        Assert.InRange(SweepJson.Of(sweep.State).Length, Trials, 2000 * Trials);
    }

    private static SweepCommand Command(string name, SweepState state) => name switch
    {
        "pause" => new SweepCommand.Pause(),
        "resume" => new SweepCommand.Resume(Sample.At),
        "cancel" => new SweepCommand.Cancel(Sample.At),
        _ => new SweepCommand.Submit("s", state.Settings!, state.Submission!, Sample.At),
    };
}
