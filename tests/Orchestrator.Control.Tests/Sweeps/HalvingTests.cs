using Orchestrator.Control.Sweeps;
using Orchestrator.Search;

namespace Orchestrator.Control.Tests.Sweeps;

/// <summary>Trials that pause at rungs, and are promoted or stopped.</summary>
public sealed class HalvingTests
{
    private static readonly StopperSettings Asha = new("asha", MinEpochs: 1, MaxEpochs: 9, Reduction: 3);

    [Fact]
    public void A_trial_that_is_not_among_the_best_third_rests_and_its_slot_goes_to_the_next()
    {
        var sweep = Submitted(trials: 9, parallel: 1);
        sweep.Report(0, 1, 0.5);
        Assert.Equal((TrialStatus.Resting, new RungMark(1, 1, 1)), (sweep.State.Trials[0].Status, sweep.State.Trials[0].Rung));
        Assert.Equal(2, sweep.State.Trials.Count);
        Assert.Equal([new SweepIntent.Run(1, 1, 1)], SweepIntent.Outstanding(sweep.State));
    }

    [Fact]
    public void The_best_of_three_goes_on_from_its_checkpoint_in_the_slot_that_is_free()
    {
        var sweep = Submitted(trials: 9, parallel: 1);
        sweep.Report(0, 1, 0.5);
        sweep.Report(1, 1, 0.9);
        var events = sweep.Do(new SweepCommand.Report(2, 1, 1, Sample.Metrics(0.1), Sample.At));
        Assert.Equal(new SweepEvent.TrialPromoted(1, 0, 0, 3), events.OfType<SweepEvent.TrialPromoted>().Single());
        Assert.Equal([new SweepIntent.Run(1, 1, 3)], SweepIntent.Of(sweep.State, events));

        // It rested for a tick: its second report is due at the fourth.
        Assert.Equal(new LogicalTime(4, 1), sweep.State.Due.Single());
    }

    [Fact]
    public void What_can_never_be_promoted_is_stopped_at_once_and_says_at_which_rung()
    {
        var sweep = Submitted(trials: 4, parallel: 1);
        sweep.Report(0, 1, 0.5);
        sweep.Report(1, 1, 0.9);
        Assert.Equal(TrialStatus.Stopped, sweep.State.Trials[0].Status);
        Assert.Equal("rung of epoch 1: rank 2 of 2, 0 went on", sweep.State.Trials[0].Message);
        Assert.Equal(new RungMark(1, 2, 2), sweep.State.Trials[0].Rung);
        Assert.Contains(new SweepIntent.Stop(0, 1, 1), SweepIntent.Outstanding(sweep.State));

        sweep.Finish(0, 1, TrialStatus.Stopped, checkpoint: "c0");
        Assert.DoesNotContain(new SweepIntent.Stop(0, 1, 1), SweepIntent.Outstanding(sweep.State));
        Assert.Equal("c0", sweep.State.Trials[0].End!.Checkpoint);
    }

    [Fact]
    public void In_a_sweep_too_small_for_a_promotion_the_best_is_trained_to_the_end()
    {
        var sweep = Submitted(trials: 2, parallel: 2);
        sweep.Report(0, 1, 0.5);
        sweep.Report(1, 1, 0.9);
        sweep.Report(1, 2, 0.8);
        sweep.Report(1, 3, 0.8);
        for (var epoch = 4; epoch <= 9; epoch++)
        {
            sweep.Report(1, epoch, 0.8);
        }

        sweep.Finish(1, 9);
        sweep.Finish(0, 1, TrialStatus.Stopped);
        Assert.Equal((SweepPhase.Succeeded, TrialStatus.Succeeded, TrialStatus.Stopped), (sweep.State.Phase, sweep.State.Trials[1].Status, sweep.State.Trials[0].Status));
    }

    [Fact]
    public void The_sweep_does_not_end_before_its_stopped_trials_have_said_what_they_kept()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 3, parallel: 1) with { Stopper = new StopperSettings("patient", MaxEpochs: 9, Patience: 1) });
        for (var trial = 0; trial < 3; trial++)
        {
            sweep.Report(trial, 1, 0.5);
            sweep.Report(trial, 2, 0.4);
        }

        Assert.Equal(SweepPhase.Searching, sweep.State.Phase);
        Assert.Equal([new SweepIntent.Stop(0, 1, 2), new SweepIntent.Stop(1, 1, 2), new SweepIntent.Stop(2, 1, 2)], SweepIntent.Outstanding(sweep.State));

        // That of a run that had gone further is no answer.
        sweep.Finish(0, 5, checkpoint: "late");
        Assert.True(sweep.State.Trials[0].Halting);
        for (var trial = 0; trial < 3; trial++)
        {
            sweep.Finish(trial, 2, TrialStatus.Stopped, checkpoint: $"c{trial}");
        }

        Assert.Equal((SweepPhase.Scoring, "c0"), (sweep.State.Phase, sweep.State.Trials[0].End!.Checkpoint));
    }

    [Fact]
    public void Resting_trials_are_cancelled_with_their_sweep()
    {
        var sweep = Submitted(trials: 9, parallel: 1);
        sweep.Report(0, 1, 0.5);
        sweep.Do(new SweepCommand.Cancel(Sample.At));
        Assert.Equal(TrialStatus.Cancelled, sweep.State.Trials[0].Status);
        Assert.Contains(new SweepIntent.Stop(0, 1), SweepIntent.Outstanding(sweep.State));
    }

    [Fact]
    public void A_sweep_that_is_extended_goes_on_where_it_was()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 2, parallel: 1));
        sweep.Run(0, 0.5);
        sweep.Run(1, 0.4);
        Assert.Equal(SweepPhase.Succeeded, sweep.State.Phase);
        Assert.Throws<SweepRefusedException>(() => sweep.Do(new SweepCommand.Extend(1, Sample.At)));

        sweep.Do(new SweepCommand.Extend(3, Sample.At));
        Assert.Equal((SweepPhase.Searching, 3), (sweep.State.Phase, sweep.State.Trials.Count));
        sweep.Run(2, 0.9);
        Assert.Equal((SweepPhase.Succeeded, 2), (sweep.State.Phase, sweep.State.Best));
        Assert.Equal(sweep.State.Trials[2].Parameters, Sample.Submitted(Sample.Settings(trials: 3, parallel: 3)).State.Trials[2].Parameters);
    }

    [Fact]
    public void With_several_objectives_and_constraints_the_front_is_of_those_that_keep_them()
    {
        var settings = Sample.Settings(trials: 4, parallel: 1) with
        {
            Others = [new Objective("size", Goal.Minimize)],
            Constraints = [new MetricConstraint("latency", Max: 10)],
            Keep = 2,
        };
        var sweep = Sample.Submitted(settings);
        (double Accuracy, double Size, double Latency)[] trials = [(0.9, 5, 20), (0.8, 3, 5), (0.7, 4, 5), (0.6, 1, 5)];
        for (var trial = 0; trial < 4; trial++)
        {
            var (accuracy, size, latency) = trials[trial];
            sweep.Do(new SweepCommand.Report(trial, 1, 1, Sample.Metrics(accuracy).Add("size", size).Add("latency", latency), Sample.At));
            sweep.Finish(trial, 1);
        }

        Assert.Equal([1, 3], Ranking.Front(sweep.State));
        Assert.Equal(1, sweep.State.Best);
        Assert.Equal([1, 3], sweep.State.Kept);
    }

    [Fact]
    public void The_mean_of_the_last_reports_counts_where_the_objective_says_so()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 1, parallel: 1) with { Objective = Sample.Accuracy with { At = ReportChoice.LastMean, Last = 2 } });
        sweep.Run(0, 0.9, 0.2, 0.4);
        Assert.Equal(0.3, sweep.State.Trials[0].Value!.Value, 12);
    }

    [Fact]
    public void Enqueued_points_come_first_and_the_sampler_after_them()
    {
        var points = new[] { Sample.Settings().Space.Assign((parameter, _) => parameter.Domain.FromUnit(0.25)) };
        var sweep = Sample.Submitted(Sample.Settings(trials: 3, parallel: 3) with { Enqueued = points });
        Assert.Equal((points[0], "enqueued"), (sweep.State.Trials[0].Parameters, sweep.State.Trials[0].Reason));
        Assert.Equal(Sample.Submitted(Sample.Settings(trials: 3, parallel: 3)).State.Trials[2].Parameters, sweep.State.Trials[2].Parameters);
    }

    private static Sample Submitted(int trials, int parallel) => Sample.Submitted(Sample.Settings(trials, parallel) with { Stopper = Asha });
}
