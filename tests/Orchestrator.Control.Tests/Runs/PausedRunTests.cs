using Orchestrator.Control.Runs;

namespace Orchestrator.Control.Tests.Runs;

/// <summary>A run that its sweep lets train to an epoch, and further later, or cuts at an epoch that it has passed.</summary>
public sealed class PausedRunTests
{
    [Fact]
    public void A_run_pauses_at_its_epoch_with_its_slots_free_and_goes_on_from_its_checkpoint()
    {
        var run = Until(1);
        Train(run, 1);
        Assert.Equal((RunPhase.Idle, null, "paused"), (run.State.Phase, run.State.Outcome, run.State.Name));
        Assert.Null(run.State.Current);
        Assert.True(run.State.IsPaused);

        run.Do(new RunCommand.Extend(2, RunSample.At));
        Assert.Equal(RunPhase.Waiting, run.State.Phase);
        run.Begin();
        Assert.Equal("r-10", run.State.Current!.Checkpoint);
        Train(run, 2);
        Assert.Equal("paused", run.State.Name);

        run.Do(new RunCommand.Extend(0, RunSample.At));
        run.Begin();
        Train(run, 3);
        Assert.Equal((RunOutcome.Succeeded, 3), (run.State.Outcome, run.State.History.Count));
    }

    [Fact]
    public void An_extension_that_comes_before_the_pause_lets_it_go_on_at_once()
    {
        var run = Until(1);
        run.Epoch(1);
        run.Do(new RunCommand.Extend(3, RunSample.At));
        Assert.Equal(RunPhase.Working, run.State.Phase);
        run.Checkpoint(1);
        run.End(1, paused: true);
        Assert.Equal(RunPhase.Waiting, run.State.Phase);
    }

    [Fact]
    public void What_it_does_next_is_due_later_by_the_time_for_which_its_trial_rested()
    {
        var run = new RunSample();
        run.Do(new RunCommand.Request("r", RunSample.Plan(), "{}", "sha", RunSample.Trial, "", "0011223344556677", RunSample.At, UntilEpoch: 1, Beginning: 4));
        Assert.Equal(5, run.State.Due);
        run.Begin();
        Train(run, 1);
        Assert.Equal(6, run.State.Due);
        run.Do(new RunCommand.Extend(3, RunSample.At, Beginning: 10));
        Assert.Equal(12, run.State.Due);
    }

    [Fact]
    public void A_run_that_stops_by_itself_before_its_last_epoch_has_succeeded()
    {
        var run = RunSample.Working(trial: RunSample.Trial);
        run.Epoch(1);
        run.Checkpoint(1);
        run.End(1);
        Assert.Equal((RunOutcome.Succeeded, RunPhase.Idle), (run.State.Outcome, run.State.Phase));
    }

    [Fact]
    public void An_extension_that_comes_again_or_late_changes_nothing()
    {
        var run = Until(2);
        Assert.Empty(run.Do(new RunCommand.Extend(2, RunSample.At)));
        Assert.Empty(run.Do(new RunCommand.Extend(1, RunSample.At)));
        Assert.Single(run.Do(new RunCommand.Extend(0, RunSample.At)));
        Assert.Empty(run.Do(new RunCommand.Extend(2, RunSample.At)));
        Assert.Empty(run.Do(new RunCommand.Extend(7, RunSample.At)));
    }

    [Fact]
    public void A_paused_run_that_is_not_wanted_any_more_ends_as_stopped_with_its_checkpoint()
    {
        var run = Until(1);
        Train(run, 1);
        run.Do(new RunCommand.Cut(1, RunSample.At));
        Assert.Equal((RunOutcome.Stopped, 1, "r-10"), (run.State.Outcome, run.State.History.Count, run.State.Best!.Id));
        Assert.Empty(run.Do(new RunCommand.Cut(1, RunSample.At)));
        Assert.Empty(run.Do(new RunCommand.Extend(3, RunSample.At)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_run_did_beyond_the_epoch_that_it_is_cut_at_does_not_count(bool hasEnded)
    {
        var plan = RunSample.Plan(epochs: 4);
        var run = RunSample.Requested(plan with { Retention = plan.Retention with { KeepPast = true } }, RunSample.Trial);
        run.Begin();
        double[] losses = [0.9, 0.5, 0.7, 0.1];
        for (var epoch = 1; epoch <= 4; epoch++)
        {
            run.Epoch(epoch, losses[epoch - 1]);
            run.Checkpoint(epoch, losses[epoch - 1]);
        }

        // Each was the best when it was written, but the third.
        Assert.Equal(["r-10", "r-20", "r-40"], run.State.Checkpoints.Select(record => record.Id));
        if (hasEnded)
        {
            run.End(4);
            Assert.Equal(RunOutcome.Succeeded, run.State.Outcome);
        }

        run.Do(new RunCommand.Cut(3, RunSample.At));
        Assert.Equal((RunOutcome.Stopped, RunPhase.Idle, 3, 3), (run.State.Outcome, run.State.Phase, run.State.Epoch, run.State.History.Count));
        Assert.Equal("r-20", run.State.Best!.Id);
        Assert.Equal(["r-10", "r-20"], run.State.Checkpoints.Select(record => record.Id));
    }

    [Fact]
    public void A_run_that_lost_its_way_to_the_epoch_that_it_is_cut_at_comes_there_first()
    {
        var run = RunSample.Working(trial: RunSample.Trial);
        run.Epoch(1);
        run.Checkpoint(1);
        run.Epoch(2, 0.1);
        run.Fail(FailureKind.Lost);
        Assert.Equal(1, run.State.Epoch);
        run.Do(new RunCommand.Cut(2, RunSample.At));
        Assert.Empty(run.Do(new RunCommand.Cut(2, RunSample.At)));
        Assert.Equal((null, 2), (run.State.Outcome, run.State.UntilEpoch));

        run.Begin();
        run.Epoch(2, 0.1);
        run.Checkpoint(2, 0.1);
        run.End(2, paused: true);
        Assert.Equal((RunOutcome.Stopped, "r-20"), (run.State.Outcome, run.State.Best!.Id));
    }

    [Theory]
    [InlineData("cut, checkpoint, end")]
    [InlineData("checkpoint, cut, end")]
    [InlineData("checkpoint, end, cut")]
    public void A_run_cut_where_it_pauses_keeps_the_checkpoint_of_there_whenever_it_hears_of_the_cut(string order)
    {
        var run = Until(1);
        run.Epoch(1);
        foreach (var said in order.Split(", "))
        {
            Assert.Null(run.State.Outcome);
            _ = said switch
            {
                "cut" => run.Do(new RunCommand.Cut(1, RunSample.At)),
                "checkpoint" => run.Checkpoint(1),
                _ => run.End(1, paused: true),
            };
        }

        Assert.Equal((RunOutcome.Stopped, "r-10", "sha-10"), (run.State.Outcome, run.State.Best!.Id, run.State.WeightsHash));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_run_that_may_be_cut_anywhere_keeps_its_best_to_there_however_far_ahead_it_is(int heardAfter)
    {
        var plan = RunSample.Plan(epochs: 4);
        var run = RunSample.Requested(plan with { Retention = plan.Retention with { KeepPast = true } }, RunSample.Trial);
        run.Begin();
        for (var epoch = 1; run.State.Outcome is null; epoch++)
        {
            // A checkpoint comes after the report of its epoch.
            run.Epoch(epoch, 1.0 / epoch);
            if (epoch == heardAfter)
            {
                run.Do(new RunCommand.Cut(2, RunSample.At));
            }

            run.Checkpoint(epoch, 1.0 / epoch);
        }

        Assert.Equal((RunOutcome.Stopped, 2, "sha-20"), (run.State.Outcome, run.State.Epoch, run.State.WeightsHash));
    }

    [Fact]
    public void A_checkpoint_that_others_begin_from_stays_until_it_is_no_longer_named()
    {
        var run = Until(1, epochs: 5);
        Train(run, 1);
        run.Do(new RunCommand.Extend(3, RunSample.At, [1]));
        run.Begin();
        run.Epoch(2, loss: 0.5);
        run.Checkpoint(2, loss: 0.5);
        Train(run, 3, loss: 0.4);
        Assert.Equal([1, 3], run.State.Checkpoints.Select(record => record.Epoch));

        // A word that comes again changes nothing; the next one that does names nothing.
        run.Do(new RunCommand.Extend(3, RunSample.At));
        Assert.Equal([1], run.State.Pinned);
        run.Do(new RunCommand.Extend(0, RunSample.At));
        run.Begin();
        run.Epoch(4, loss: 0.3);
        run.Checkpoint(4, loss: 0.3);
        Assert.Equal([4], run.State.Checkpoints.Select(record => record.Epoch));
    }

    [Fact]
    public void A_run_whose_copied_beginning_is_damaged_fails_instead_of_beginning_at_step_0()
    {
        var run = new RunSample();
        run.Do(new RunCommand.Request("r", RunSample.Plan(epochs: 5), "{}", "sha", RunSample.Trial, "", "0011223344556677", RunSample.At, 0, new CheckpointOrigin("q-20", RunSample.Record(2))));
        run.Begin();
        Assert.Equal("r-20", run.State.Current!.Checkpoint);
        run.Fail(FailureKind.Corrupt);
        Assert.Equal((RunOutcome.Failed, FailureKind.Corrupt), (run.State.Outcome, run.State.OutcomeKind));
        Assert.Contains("its copy of q-20, where it began, is damaged", run.State.Message, StringComparison.Ordinal);
    }

    private static RunSample Until(int epoch, int epochs = 3)
    {
        var run = new RunSample();
        run.Do(new RunCommand.Request("r", RunSample.Plan(epochs: epochs), "{}", "sha", RunSample.Trial, "", "0011223344556677", RunSample.At, epoch));
        run.Begin();
        return run;
    }

    private static void Train(RunSample run, int epoch, double loss = 1)
    {
        run.Epoch(epoch, loss);
        run.Checkpoint(epoch, loss);
        run.End(epoch, paused: epoch < run.State.Plan!.Epochs);
    }
}
