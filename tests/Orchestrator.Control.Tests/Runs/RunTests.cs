using Orchestrator.Control.Runs;

namespace Orchestrator.Control.Tests.Runs;

public sealed class RunTests
{
    [Fact]
    public void A_run_trains_is_scored_by_its_best_checkpoint_and_succeeds()
    {
        var run = RunSample.Working(members: 2);
        run.Epoch(1, loss: 1);
        run.Checkpoint(1, loss: 1);
        run.Epoch(2, loss: 3);
        run.Checkpoint(2, loss: 3);
        run.Epoch(3, loss: 2);
        run.Checkpoint(3, loss: 2);
        run.End(3, rank: 1);
        run.End(3);
        Assert.Equal((RunPhase.Waiting, TaskPurpose.Score, 1, 1), (run.State.Phase, run.State.Purpose, run.State.MinWorkers, run.State.MaxWorkers));

        run.Begin();
        Assert.Equal("r-10", run.State.Current!.Checkpoint);
        run.Do(new RunCommand.End(2, 0, 0, 0, "", new Dictionary<string, double> { ["test_loss"] = 0.5 }, 0, false, RunSample.At));

        Assert.Equal((RunPhase.Idle, RunOutcome.Succeeded, "succeeded"), (run.State.Phase, run.State.Outcome, run.State.Name));
        Assert.Equal(0.5, run.State.TestMetrics!["test_loss"]);
        Assert.Equal("weights", run.State.WeightsHash);
        Assert.Equal(["r-10", "r-30"], run.State.Checkpoints.Select(record => record.Id));
        // Members of the training, not the one that scored.
        Assert.Equal(2, run.State.Shown!.WorldSize);
    }

    [Fact]
    public void A_trial_succeeds_unscored_and_is_scored_when_its_sweep_asks()
    {
        var run = RunSample.Working(trial: RunSample.Trial);
        run.Train();
        Assert.Equal(RunOutcome.Succeeded, run.State.Outcome);

        Assert.IsType<RunEvent.ScoreRequested>(Assert.Single(run.Do(new RunCommand.Score(RunSample.At))));
        Assert.Empty(run.Do(new RunCommand.Score(RunSample.At)));
        run.Begin();
        run.End(0);
        Assert.Equal((RunPhase.Idle, RunOutcome.Succeeded), (run.State.Phase, run.State.Outcome));
        Assert.NotNull(run.State.TestMetrics);
        Assert.Empty(run.Do(new RunCommand.Score(RunSample.At)));
    }

    [Fact]
    public void A_trial_without_a_checkpoint_is_scored_with_nothing_at_once()
    {
        var run = RunSample.Working(trial: RunSample.Trial, epochs: 0);
        run.End(0);
        Assert.Empty(Assert.IsType<RunEvent.TestScored>(Assert.Single(run.Do(new RunCommand.Score(RunSample.At)))).Metrics);
        Assert.Equal((RunPhase.Idle, RunOutcome.Succeeded), (run.State.Phase, run.State.Outcome));
    }

    [Fact]
    public void A_score_that_can_not_be_had_leaves_a_trials_result_alone()
    {
        var run = RunSample.Working(trial: RunSample.Trial);
        run.Train();
        run.Do(new RunCommand.Score(RunSample.At));
        run.Begin();
        run.Fail(FailureKind.User);
        Assert.Equal((RunPhase.Idle, RunOutcome.Succeeded, "why"), (run.State.Phase, run.State.Outcome, run.State.Message));
        Assert.Empty(run.State.TestMetrics!);
    }

    [Fact]
    public void A_gang_below_its_min_or_above_its_max_is_never_proposed()
    {
        var run = RunSample.Requested(RunSample.Plan(min: 2, max: 3));
        Assert.Empty(run.Propose(1));
        Assert.Empty(run.Propose(4));
        Assert.Single(run.Propose(3));
        Assert.Empty(run.Propose(3));
    }

    [Fact]
    public void A_generation_begins_when_its_last_member_is_ready()
    {
        var run = RunSample.Requested();
        run.Propose(2);
        Assert.Single(run.Ready(1));
        Assert.Empty(run.Ready(1));
        Assert.Equal(RunPhase.Forming, run.State.Phase);
        Assert.IsType<RunEvent.GenerationBegun>(run.Ready(0)[^1]);
        Assert.Equal(["host:0", "host:1"], run.State.Current!.Members.Select(member => member.PeerAddress));
    }

    [Fact]
    public void Unlike_hardware_is_refused_and_not_asked_again()
    {
        var run = RunSample.Requested(RunSample.Plan(max: 3));
        run.Propose(3);
        run.Ready(0);
        run.Ready(1, "other");
        var refused = Assert.IsType<RunEvent.MemberRefused>(run.Ready(2)[^1]);
        Assert.Equal(("b", "other", RunSample.Probe), (refused.Agent, refused.ProbeHash, refused.Expected));
        Assert.Equal((RunPhase.Waiting, 0), (run.State.Phase, run.State.Failures.Count));
        Assert.Equal(["b"], run.State.Refused);

        // From the first generation that began on, its probe is the run's.
        run.Begin();
        run.Fail(FailureKind.Lost);
        run.Propose();
        run.Ready(0, "other");
        Assert.Equal(["b", "a"], run.State.Refused);
    }

    [Fact]
    public void A_tie_between_machines_goes_to_the_lowest_rank()
    {
        var run = RunSample.Requested();
        run.Propose(2);
        run.Ready(1, "other");
        run.Ready(0);
        Assert.Equal(["b"], run.State.Refused);
    }

    [Fact]
    public void A_lost_rank_costs_the_steps_since_the_last_checkpoint_and_its_epochs_are_reported_once()
    {
        var run = RunSample.Working(trial: RunSample.Trial);
        run.Epoch(1);
        run.Checkpoint(1);
        run.Epoch(2);
        run.Fail(FailureKind.Lost, reached: 24);
        Assert.Equal((RunPhase.Waiting, 14L, 10L, 1), (run.State.Phase, run.State.StepsLost, run.State.Step, run.State.Epoch));

        run.Begin();
        Assert.Equal(("r-10", 10L), (run.State.Current!.Checkpoint, run.State.Current.FromStep));
        Assert.IsType<RunEvent.EpochRepeated>(Assert.Single(run.Epoch(2)));
        Assert.IsType<RunEvent.EpochFinished>(Assert.Single(run.Epoch(3)));
        Assert.Equal([1, 2, 3], run.State.History.Select(epoch => epoch.Epoch));
    }

    [Theory]
    [InlineData(FailureKind.User)]
    [InlineData(FailureKind.Diverged)]
    public void What_would_happen_again_fails_at_once_with_its_stack(FailureKind kind)
    {
        var run = RunSample.Working(trial: RunSample.Trial);
        run.Fail(kind, detail: "at Their.Code()");
        Assert.Equal((RunOutcome.Failed, kind, "why", "at Their.Code()"), (run.State.Outcome, run.State.OutcomeKind, run.State.Message, run.State.Detail));
        Assert.Single(run.State.Failures);
    }

    [Theory]
    [InlineData(FailureKind.Lost, 2)]
    [InlineData(FailureKind.Hung, 1)]
    [InlineData(FailureKind.OutOfMemory, 1)]
    [InlineData(FailureKind.Corrupt, 2)]
    public void Each_kind_is_retried_within_its_own_budget(FailureKind kind, int budget)
    {
        var run = RunSample.Requested(trial: RunSample.Trial);
        for (var incident = 1; incident <= budget; incident++)
        {
            run.Begin();
            run.Fail(kind);
            Assert.Equal(RunPhase.Waiting, run.State.Phase);
        }

        run.Begin();
        run.Fail(kind);
        Assert.Equal((RunOutcome.Failed, kind), (run.State.Outcome, run.State.OutcomeKind));
        Assert.Contains($"{kind.Name()} {budget + 1} times", run.State.Message, StringComparison.Ordinal);
        Assert.Equal(budget + 1, run.State.Failures.Count);
    }

    [Fact]
    public void A_preemption_is_free()
    {
        var run = RunSample.Requested();
        for (var incident = 0; incident < 1000; incident++)
        {
            run.Begin();
            run.Fail(FailureKind.Preempted);
        }

        Assert.Equal(RunPhase.Waiting, run.State.Phase);
    }

    [Fact]
    public void A_corrupt_checkpoint_goes_and_the_one_before_counts()
    {
        var run = RunSample.Working();
        foreach (var epoch in Enumerable.Range(1, 2))
        {
            run.Epoch(epoch, loss: epoch);
            run.Checkpoint(epoch, loss: epoch);
        }

        run.Fail(FailureKind.Lost);
        run.Begin();
        Assert.Equal("r-20", run.State.Current!.Checkpoint);
        run.Fail(FailureKind.Corrupt);
        Assert.Equal(["r-10"], run.State.Checkpoints.Select(record => record.Id));
        run.Begin();
        Assert.Equal("r-10", run.State.Current!.Checkpoint);
        // Written anew, under the name that was rejected.
        run.Epoch(2);
        run.Checkpoint(2);
        Assert.Contains("r-20", run.State.Checkpoints.Select(record => record.Id));
    }

    [Fact]
    public void A_corrupt_file_is_not_the_fault_of_a_checkpoint_that_later_ones_replaced()
    {
        var run = RunSample.Working();
        run.Epoch(1);
        run.Checkpoint(1);
        run.Fail(FailureKind.Lost);
        run.Begin();
        run.Epoch(2, loss: 0.5);
        Assert.Equal("r-10", Assert.Single(run.Checkpoint(2, loss: 0.5).OfType<RunEvent.CheckpointReleased>()).Checkpoint);

        Assert.Empty(run.Fail(FailureKind.Corrupt).OfType<RunEvent.CheckpointRejected>());
        Assert.Equal(["r-20"], run.State.Checkpoints.Select(record => record.Id));
        Assert.Equal((RunPhase.Waiting, 20, 2), (run.State.Phase, run.State.Step, run.State.Epoch));
    }

    [Fact]
    public void Who_lost_a_peer_blames_it_and_the_peers_own_word_decides()
    {
        var run = RunSample.Working(members: 2, trial: RunSample.Trial);
        Assert.IsType<RunEvent.MemberDropped>(Assert.Single(run.Fail(FailureKind.Lost, rank: 0, suspect: 1)));
        Assert.Equal(RunPhase.Working, run.State.Phase);
        Assert.Empty(run.Fail(FailureKind.Lost, rank: 0, suspect: 1));

        run.Fail(FailureKind.OutOfMemory, rank: 1);
        Assert.Equal((FailureKind.OutOfMemory, "b"), (run.State.Failures.Single().Kind, run.State.Failures.Single().Worker));
    }

    [Fact]
    public void Two_that_blame_each_other_are_one_incident()
    {
        var run = RunSample.Working(members: 2);
        run.Fail(FailureKind.Lost, rank: 0, suspect: 1);
        run.Fail(FailureKind.Lost, rank: 1, suspect: 0);
        Assert.Single(run.State.Failures);
        Assert.Equal(RunPhase.Waiting, run.State.Phase);
    }

    [Fact]
    public void A_suspect_that_says_nothing_is_the_culprit()
    {
        var run = RunSample.Working(members: 2);
        run.Fail(FailureKind.Lost, rank: 0, suspect: 1);
        run.Do(new RunCommand.Blame(run.Generation, FailureKind.Hung, "rank 0 lost rank 1", 5, RunSample.At));
        Assert.Equal((FailureKind.Hung, "b"), (run.State.Failures.Single().Kind, run.State.Failures.Single().Worker));
        Assert.Empty(run.Do(new RunCommand.Blame(run.Generation, FailureKind.Hung, "again", 5, RunSample.At)));
    }

    [Fact]
    public void What_the_users_code_threw_is_nobody_elses_fault()
    {
        var run = RunSample.Working(members: 2, trial: RunSample.Trial);
        run.Fail(FailureKind.User, rank: 0, suspect: 1);
        Assert.Equal((RunOutcome.Failed, "a"), (run.State.Outcome, run.State.Failures.Single().Worker));
    }

    [Fact]
    public void A_graceful_stop_ends_at_the_next_epoch_with_its_metrics()
    {
        var run = RunSample.Working(trial: RunSample.Trial);
        run.Epoch(1);
        Assert.IsType<RunEvent.StopRequested>(Assert.Single(run.Stop(gracefully: true)));
        Assert.Empty(run.Stop(gracefully: true));
        run.Epoch(2);
        run.Checkpoint(2);
        run.End(2, stopped: true);
        Assert.Equal((RunOutcome.Stopped, 2), (run.State.Outcome, run.State.History.Count));
    }

    [Fact]
    public void A_graceful_stop_of_what_does_not_work_yet_is_the_end()
    {
        var run = RunSample.Requested(trial: RunSample.Trial);
        run.Stop(gracefully: true);
        Assert.Equal(RunOutcome.Stopped, run.State.Outcome);
    }

    [Fact]
    public void A_rank_lost_after_a_graceful_stop_is_not_tried_again()
    {
        var run = RunSample.Working(trial: RunSample.Trial);
        run.Epoch(1);
        run.Stop(gracefully: true);
        run.Fail(FailureKind.Lost);
        Assert.Equal((RunOutcome.Stopped, null), (run.State.Outcome, run.State.OutcomeKind));
    }

    [Fact]
    public void The_scoring_of_a_trial_that_was_stopped_is_tried_again_when_its_rank_is_lost()
    {
        var run = RunSample.Working(trial: RunSample.Trial);
        run.Epoch(1);
        run.Checkpoint(1);
        run.Stop(gracefully: true);
        run.End(1, stopped: true);
        run.Do(new RunCommand.Score(RunSample.At));
        run.Begin();
        Assert.IsType<RunEvent.GenerationFailed>(Assert.Single(run.Fail(FailureKind.Lost)));

        run.Begin();
        run.End(0);
        Assert.Equal((RunPhase.Idle, RunOutcome.Stopped), (run.State.Phase, run.State.Outcome));
        Assert.NotNull(run.State.TestMetrics);
    }

    [Fact]
    public void An_agent_that_stops_a_trainer_by_itself_preempts_it()
    {
        var run = RunSample.Working();
        run.Epoch(1);
        run.Checkpoint(1);
        run.End(1, stopped: true);
        Assert.Equal((RunPhase.Waiting, FailureKind.Preempted), (run.State.Phase, run.State.Failures.Single().Kind));
    }

    [Fact]
    public void A_gang_whose_agents_all_drain_goes_on_from_the_checkpoint_of_its_last_step()
    {
        var run = RunSample.Requested(RunSample.Plan(min: 2));
        run.Begin(2);
        run.Do(new RunCommand.Vacate("a", RunSample.At));
        run.Do(new RunCommand.Vacate("b", RunSample.At));
        run.Do(new RunCommand.CommitCheckpoint(1, 0, RunSample.Record(0) with { Id = "r-7", Step = 7 }, RunSample.At));

        // Who ends first has nothing to say of the others.
        Assert.IsType<RunEvent.MemberEnded>(Assert.Single(run.Do(Left(rank: 1))));
        var failed = Assert.IsType<RunEvent.GenerationFailed>(Assert.Single(run.Do(Left(rank: 0))));
        Assert.Equal((FailureKind.Preempted, 0L, 7L), (failed.Kind, failed.StepsLost, failed.ResumeStep));
        Assert.Empty(run.State.Survivors);
        Assert.Equal((RunPhase.Waiting, 7L, "r-7"), (run.State.Phase, run.State.Step, run.State.Latest!.Id));
        Assert.Equal(["a", "b"], run.State.Failures.Select(failure => failure.Worker));

        static RunCommand.End Left(int rank) =>
            new(1, rank, 7, 0, "weights", new Dictionary<string, double>(), 0, true, RunSample.At) { LeftGeneration = 1 };
    }

    [Fact]
    public void A_program_whose_agent_drains_is_joined_by_nobody_and_goes_on_elsewhere_from_what_it_kept()
    {
        var run = RunSample.Requested(RunSample.Plan(max: 1) with { IsCommand = true });
        run.Begin();
        run.Epoch(1);
        run.Do(new RunCommand.Vacate("a", RunSample.At));
        Assert.Equal((0, 0, true), (run.State.Room, run.State.Needed, run.State.HasState(new TrainerName(1, 0))));
        run.Checkpoint(1);
        run.End(1, stopped: true);
        Assert.Equal((RunPhase.Waiting, 10L, 0L), (run.State.Phase, run.State.Step, run.State.StepsLost));
    }

    [Fact]
    public void A_survivor_that_waits_and_whose_agent_drains_takes_nobody_along()
    {
        var run = RunSample.Requested(RunSample.Plan(min: 3, max: 3));
        run.Begin(3);
        run.Fail(FailureKind.Lost, rank: 2, reached: 7);
        Assert.Equal(RunPhase.Waiting, run.State.Phase);
        Assert.True(run.State.HasState(new TrainerName(1, 0)));
        run.Do(new RunCommand.CommitCheckpoint(1, 0, RunSample.Record(0) with { Id = "r-7", Step = 7 }, RunSample.At));
        run.Do(new RunCommand.End(1, 0, 7, 0, "weights", new Dictionary<string, double>(), 0, true, RunSample.At));
        Assert.Equal(("b", 0L), (Assert.Single(run.State.Survivors).Place.Agent, run.State.StepsLost));
    }

    [Fact]
    public void A_report_that_overtook_another_has_no_effect_until_its_turn()
    {
        var run = RunSample.Working();
        Assert.Empty(run.Epoch(2));
        Assert.Empty(run.Checkpoint(1));
        Assert.Empty(run.End(3));
        run.Train();
        Assert.Equal([1, 2, 3], run.State.History.Select(epoch => epoch.Epoch));
    }

    [Fact]
    public void Another_ranks_end_may_come_before_what_rank_0_reports()
    {
        var run = RunSample.Working(members: 2);
        Assert.IsType<RunEvent.MemberEnded>(Assert.Single(run.End(3, rank: 1)));
        run.Train();
        Assert.Equal(3, run.State.Epoch);
    }

    [Fact]
    public void A_checkpoint_told_again_after_it_was_released_does_not_stand_again()
    {
        var run = RunSample.Working();
        run.Epoch(1, loss: 3);
        run.Checkpoint(1, loss: 3);
        run.Epoch(2, loss: 2);
        run.Checkpoint(2, loss: 2);
        Assert.Equal(["r-20"], run.State.Checkpoints.Select(record => record.Id));
        Assert.Empty(run.Checkpoint(1, loss: 0));
    }

    [Fact]
    public void A_cancelled_run_ends_at_once_and_keeps_what_it_has()
    {
        var run = RunSample.Working();
        run.Epoch(1);
        run.Checkpoint(1);
        run.Stop(gracefully: false);
        Assert.Equal((RunOutcome.Cancelled, RunPhase.Idle, "cancelled"), (run.State.Outcome, run.State.Phase, run.State.Name));
        Assert.Single(run.Do(new RunCommand.ReleaseOne("r-10", RunSample.At)));
        Assert.Empty(run.Do(new RunCommand.ReleaseOne("r-10", RunSample.At)));
        Assert.Empty(run.State.Checkpoints);
    }

    [Fact]
    public void Checkpoints_are_let_go_only_once_the_run_has_ended()
    {
        var run = RunSample.Working(trial: RunSample.Trial);
        run.Epoch(1);
        run.Checkpoint(1);
        Assert.Empty(run.Do(new RunCommand.Release(RunSample.At)));
        Assert.Empty(run.Do(new RunCommand.ReleaseOne("r-10", RunSample.At)));
        run.Stop(gracefully: false);
        Assert.Single(run.Do(new RunCommand.Release(RunSample.At)));
    }
}
