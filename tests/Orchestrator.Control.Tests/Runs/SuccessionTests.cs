using Orchestrator.Control.Runs;
using Orchestrator.Specs;

namespace Orchestrator.Control.Tests.Runs;

/// <summary>A trainer is lost, and the others go on.</summary>
public sealed class SuccessionTests
{
    private static readonly FailureBudgets Budgets = new() { Lost = 3, Hung = 1, OutOfMemory = 1 };

    [Fact]
    public void Survivors_that_are_enough_go_on_at_once_as_the_next_generation_and_lose_nothing()
    {
        var run = RunSample.Working(members: 3, budgets: Budgets);
        run.Epoch(1);
        var events = run.Fail(FailureKind.Lost, rank: 1, reached: 17);

        Assert.Equal([typeof(RunEvent.GenerationFailed), typeof(RunEvent.GenerationProposed), typeof(RunEvent.GenerationBegun)], events.Select(happened => happened.GetType()));
        Assert.Equal((RunPhase.Working, 2, 0L, 17L, 1), (run.State.Phase, run.Generation, run.State.StepsLost, run.State.Step, run.State.Epoch));
        var members = run.State.Current!.Members;
        Assert.Equal([("a", 0, 0, 2, new TrainerName(1, 0), 100), ("c", 1, 2, 4, new TrainerName(1, 2), 102)],
            members.Select(member => (member.Place.Agent, member.Place.Rank, member.Place.FirstShard, member.Place.EndShard, member.Trainer, member.Pid)));
        Assert.All(members, member => Assert.Equal(MemberStage.Working, member.Stage));
    }

    [Fact]
    public void Too_few_survivors_wait_with_their_state_for_a_newcomer()
    {
        var run = RunSample.Requested(RunSample.Plan(min: 2, max: 2, budgets: Budgets));
        run.Begin(2);
        run.Fail(FailureKind.Lost, rank: 0, reached: 7);
        Assert.Equal((RunPhase.Waiting, 1, 1, 0L, 7L), (run.State.Phase, run.State.MinSlots, run.State.MaxSlots, run.State.StepsLost, run.State.Step));
        Assert.Equal(new TrainerName(1, 1), run.State.Survivors.Single().Trainer);

        run.Propose(1);
        Assert.Equal((RunPhase.Forming, ""), (run.State.Phase, run.State.Current!.Checkpoint));
        Assert.Equal([new TrainerName(1, 1), new TrainerName(2, 1)], run.State.Current.Members.Select(member => member.Trainer));
        Assert.IsType<RunEvent.GenerationBegun>(run.Ready(1)[^1]);
    }

    /// <summary>An agent that is silent may be so alone: its trainers, and those that train with them, go on until they hear of the next generation.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_trained_to_the_end_in_a_generation_that_was_given_up_counts(bool forms)
    {
        var run = RunSample.Requested(RunSample.Plan(min: 2, max: 2, budgets: Budgets));
        run.Begin(2);
        run.Fail(FailureKind.Lost, rank: 1, reached: 7);
        Assert.IsType<RunEvent.EpochFinished>(Assert.Single(run.Epoch(1)));
        if (forms)
        {
            run.Propose(1);
        }

        run.Train();
        Assert.Equal((RunPhase.Waiting, TaskPurpose.Score, 30L, 0L, "weights"), (run.State.Phase, run.State.Purpose, run.State.Step, run.State.StepsLost, run.State.WeightsHash));
        Assert.Equal([1, 2, 3], run.State.History.Select(epoch => epoch.Epoch));
        Assert.Single(run.State.Failures);
    }

    [Fact]
    public void A_newcomer_that_ends_while_it_loads_ends_nothing()
    {
        var run = RunSample.Requested(RunSample.Plan(min: 2, max: 2, budgets: Budgets));
        run.Begin(2);
        run.Fail(FailureKind.Lost, rank: 0, reached: 7);
        run.Propose(1);
        Assert.Empty(run.End(3, rank: 1));
    }

    [Fact]
    public void A_newcomer_that_is_lost_while_it_loads_costs_nothing_but_the_wait()
    {
        var run = RunSample.Requested(RunSample.Plan(min: 2, max: 2, budgets: Budgets));
        run.Begin(2);
        run.Fail(FailureKind.Lost, rank: 0, reached: 7);
        run.Propose(1);
        run.Fail(FailureKind.Lost, rank: 1);
        Assert.Equal((RunPhase.Waiting, 0L, 7L), (run.State.Phase, run.State.StepsLost, run.State.Step));
        Assert.Equal(new TrainerName(1, 1), run.State.Survivors.Single().Trainer);
    }

    [Fact]
    public void Only_with_the_last_copy_do_the_steps_since_the_checkpoint_go()
    {
        var run = RunSample.Requested(RunSample.Plan(min: 3, max: 3, budgets: Budgets));
        run.Begin(3);
        run.Epoch(1);
        run.Checkpoint(1);
        run.Fail(FailureKind.Lost, rank: 0, reached: 17);
        run.Fail(FailureKind.Lost, rank: 1);
        Assert.Equal(0, run.State.StepsLost);
        run.Fail(FailureKind.Lost, rank: 2);
        Assert.Equal((7L, 10L, 1), (run.State.StepsLost, run.State.Step, run.State.Epoch));

        run.Begin(3);
        Assert.Equal(("r-10", 2), (run.State.Current!.Checkpoint, run.State.Lineage));
    }

    [Fact]
    public void Two_that_lost_each_other_and_live_go_on_together()
    {
        var run = RunSample.Working(members: 2, budgets: Budgets);
        Assert.IsType<RunEvent.MemberInterrupted>(Assert.Single(run.Interrupt(0, suspect: 1)));
        Assert.Empty(run.Interrupt(0, suspect: 1));
        run.Interrupt(1, suspect: 0, applied: 5);
        Assert.Equal((RunPhase.Working, 2, 2, 0L), (run.State.Phase, run.Generation, run.State.Current!.WorldSize, run.State.StepsLost));
        Assert.Equal(FailureKind.Lost, run.State.Failures.Single().Kind);
    }

    [Fact]
    public void What_is_said_of_a_generation_that_is_over_interrupts_none()
    {
        var run = RunSample.Working(members: 3, budgets: Budgets);
        run.Fail(FailureKind.Lost, rank: 2);
        Assert.Empty(run.Do(new RunCommand.Interrupt(1, 0, InGeneration: 1, Suspect: 2, 4, "late", RunSample.At)));
    }

    [Fact]
    public void A_blamed_rank_that_says_nothing_is_left_behind()
    {
        var run = RunSample.Working(members: 3, budgets: Budgets);
        run.Interrupt(0, suspect: 2);
        run.Interrupt(1, suspect: 2);
        run.Do(new RunCommand.Blame(1, FailureKind.Hung, "rank 0 lost rank 2", 5, RunSample.At));
        Assert.Equal((FailureKind.Hung, "c"), (run.State.Failures.Single().Kind, run.State.Failures.Single().Worker));
        Assert.Equal(["a", "b"], run.State.Current!.Members.Select(member => member.Place.Agent));
    }

    [Fact]
    public void A_checkpoint_of_one_that_is_gone_counts_while_its_state_lives_on()
    {
        var run = RunSample.Working(members: 2, budgets: Budgets);
        run.Epoch(1);
        run.Fail(FailureKind.Lost, rank: 0, reached: 12);
        Assert.NotEmpty(run.Checkpoint(1, generation: 1));

        run.Fail(FailureKind.Lost, rank: 0, reached: 12);
        run.Begin(1);
        Assert.Equal(3, run.State.Lineage);
        run.Epoch(2);
        Assert.Empty(run.Checkpoint(2, generation: 1));
    }

    [Fact]
    public void A_word_that_was_lost_is_said_anew_to_the_same_trainers_for_free()
    {
        var run = RunSample.Working(members: 2);
        run.Do(new RunCommand.BeginAgain(1, "lost with a session", RunSample.At));
        Assert.Equal((RunPhase.Working, 2, 2), (run.State.Phase, run.Generation, run.State.Current!.WorldSize));
        Assert.Equal(FailureKind.Preempted, run.State.Failures.Single().Kind);
        Assert.Empty(run.Do(new RunCommand.BeginAgain(1, "again", RunSample.At)));
    }

    [Fact]
    public void Beyond_its_budget_the_run_ends_however_many_live()
    {
        var run = RunSample.Working(members: 3, trial: RunSample.Trial, budgets: new FailureBudgets { Lost = 0 });
        run.Fail(FailureKind.Lost, rank: 2);
        Assert.Equal((RunOutcome.Failed, 0), (run.State.Outcome, run.State.Members.Count));
    }

    [Fact]
    public void A_graceful_stop_waits_for_the_survivors_epoch()
    {
        var run = RunSample.Working(members: 2, trial: RunSample.Trial, budgets: Budgets);
        run.Stop(gracefully: true);
        run.Fail(FailureKind.Lost, rank: 1);
        Assert.Equal(RunPhase.Working, run.State.Phase);
        run.Epoch(1);
        run.Checkpoint(1);
        run.End(1, stopped: true);
        Assert.Equal(RunOutcome.Stopped, run.State.Outcome);
    }

    [Fact]
    public void A_newcomer_loads_beside_the_working_generation_and_joins_once_it_is_ready()
    {
        var run = RunSample.Working(members: 1, budgets: Budgets);
        Assert.Equal(1, run.State.Room);
        Assert.Single(run.Do(new RunCommand.Propose(RunSample.Slots(1, from: 1), "8899aabbccddeeff", RunSample.At)));
        Assert.Equal((1, 2, 0, 2), (run.State.Current!.Number, run.State.Next!.Number, run.State.Room, run.State.Trainers.Count));
        Assert.Empty(run.Do(new RunCommand.Propose(RunSample.Slots(1, from: 2), "8899aabbccddeeff", RunSample.At)));

        // What is said meanwhile counts.
        run.Epoch(1);
        run.Checkpoint(1);
        Assert.IsType<RunEvent.GenerationBegun>(run.Do(new RunCommand.Ready(2, 1, "host:9", 109, RunSample.Probe, "cpu", RunSample.At))[^1]);
        Assert.Equal((2, 2, 1, 10L, true), (run.State.Current!.Number, run.State.Current.WorldSize, run.State.Epoch, run.State.Current.CommittedStep, run.State.Current.AtBoundary));
        Assert.Equal([true, false], run.State.Current.Members.Select(member => member.IsLevel));
        Assert.IsType<RunEvent.MemberLevelled>(Assert.Single(run.Do(new RunCommand.Level(2, 1, RunSample.At))));
        Assert.Empty(run.State.Failures);
    }

    [Fact]
    public void A_newcomer_that_fails_while_it_loads_disturbs_nobody()
    {
        var run = RunSample.Working(members: 1, budgets: Budgets);
        run.Do(new RunCommand.Propose(RunSample.Slots(1, from: 1), "8899aabbccddeeff", RunSample.At));
        Assert.IsType<RunEvent.SuccessorDropped>(Assert.Single(run.Do(new RunCommand.Fail(2, 1, FailureKind.Lost, "why", "", -1, 0, RunSample.At))));
        Assert.Equal((RunPhase.Working, 1, null), (run.State.Phase, run.State.Current!.Number, run.State.Next));
        Assert.Equal(1, run.State.Room);
    }

    [Fact]
    public void A_newcomer_that_computes_other_bits_is_refused_and_disturbs_nobody()
    {
        var run = RunSample.Working(members: 1, budgets: Budgets);
        run.Do(new RunCommand.Propose(RunSample.Slots(1, from: 1), "8899aabbccddeeff", RunSample.At));
        run.Do(new RunCommand.Ready(2, 1, "host:9", 109, "other", "cpu", RunSample.At));
        Assert.Equal((RunPhase.Working, 1, null), (run.State.Phase, run.State.Current!.Number, run.State.Next));
        Assert.Equal(["b"], run.State.Refused);
    }

    [Fact]
    public void A_loss_while_a_newcomer_loads_is_not_waited_for()
    {
        var run = RunSample.Requested(RunSample.Plan(min: 1, max: 3, budgets: Budgets));
        run.Begin(2);
        run.Do(new RunCommand.Propose(RunSample.Slots(1, from: 2), "8899aabbccddeeff", RunSample.At));
        run.Fail(FailureKind.Lost, rank: 1, reached: 4);
        Assert.Equal((3, 1, null, 0L), (run.State.Current!.Number, run.State.Current.WorldSize, run.State.Next, run.State.StepsLost));
    }

    [Fact]
    public void Those_on_an_agent_that_drains_leave_at_the_end_of_a_step_where_the_others_are_enough()
    {
        var run = RunSample.Working(members: 3, budgets: Budgets);
        var events = run.Do(new RunCommand.Vacate("b", RunSample.At));
        Assert.Equal([typeof(RunEvent.MemberLeaving), typeof(RunEvent.GenerationProposed), typeof(RunEvent.GenerationBegun)], events.Select(happened => happened.GetType()));
        Assert.Equal(["a", "c"], run.State.Current!.Members.Select(member => member.Place.Agent));
        Assert.True(run.State.Current.AtBoundary);
        Assert.Equal((FailureKind.Preempted, 0L), (run.State.Failures.Single().Kind, run.State.StepsLost));
        Assert.Empty(run.Do(new RunCommand.Vacate("b", RunSample.At)));
    }

    [Fact]
    public void The_last_one_on_an_agent_that_drains_stays_until_a_newcomer_has_its_state()
    {
        var run = RunSample.Working(members: 1, budgets: Budgets);
        Assert.IsType<RunEvent.MemberLeaving>(Assert.Single(run.Do(new RunCommand.Vacate("a", RunSample.At))));
        Assert.Equal((1, 2), (run.State.Needed, run.State.Room));
        run.Do(new RunCommand.Propose(RunSample.Slots(1, from: 1), "8899aabbccddeeff", RunSample.At));
        run.Do(new RunCommand.Ready(2, 1, "host:9", 109, RunSample.Probe, "cpu", RunSample.At));
        Assert.Equal(["a", "b"], run.State.Current!.Members.Select(member => member.Place.Agent));

        run.Do(new RunCommand.Level(2, 1, RunSample.At));
        Assert.Equal(("b", 0, 3), (run.State.Current!.Members.Single().Place.Agent, run.State.Current.Members.Single().Place.Rank, run.State.Current.Number));
        Assert.Equal(0, run.State.StepsLost);
    }

    [Fact]
    public void A_newcomer_takes_the_place_of_one_that_drains_where_there_is_a_member_for_every_shard()
    {
        var run = RunSample.Requested(RunSample.Plan(min: 4, max: 4, budgets: Budgets));
        run.Begin(4);
        Assert.IsType<RunEvent.MemberLeaving>(Assert.Single(run.Do(new RunCommand.Vacate("b", RunSample.At))));
        Assert.Equal((1, 1), (run.State.Needed, run.State.Room));
        run.Do(new RunCommand.Propose(RunSample.Slots(1, from: 4), "8899aabbccddeeff", RunSample.At));
        run.Do(new RunCommand.Ready(2, 3, "host:9", 109, RunSample.Probe, "cpu", RunSample.At));
        Assert.Equal(["a", "c", "d", "e"], run.State.Current!.Members.Select(member => member.Place.Agent));
        Assert.Equal((2, true, 0L), (run.State.Current.Number, run.State.Current.AtBoundary, run.State.StepsLost));
        Assert.All(run.State.Current.Members, member => Assert.Equal(1, member.Place.Shards));
    }

    [Fact]
    public void Where_all_leave_and_shards_are_too_few_for_two_gangs_those_that_leave_keep_the_state_and_no_shards()
    {
        var run = RunSample.Requested(RunSample.Plan(min: 4, max: 4, budgets: Budgets));
        run.Begin(4);
        foreach (var agent in new[] { "a", "b", "c", "d" })
        {
            run.Do(new RunCommand.Vacate(agent, RunSample.At));
        }

        run.Do(new RunCommand.Propose(RunSample.Slots(4, from: 4), "8899aabbccddeeff", RunSample.At));
        foreach (var rank in Enumerable.Range(4, 4))
        {
            run.Do(new RunCommand.Ready(2, rank, "host:9", 109, RunSample.Probe, "cpu", RunSample.At));
        }

        Assert.Equal([0, 0, 0, 0, 1, 1, 1, 1], run.State.Current!.Members.Select(member => member.Place.Shards));
        run.Do(new RunCommand.Level(2, 4, RunSample.At));
        Assert.Equal([4, 5, 6, 7], run.State.Current!.Members.Select(member => member.Trainer.Rank));
        Assert.Equal((3, 0L), (run.State.Current.Number, run.State.StepsLost));
    }

    [Fact]
    public void A_newcomer_left_alone_goes_on_by_itself_for_it_alone_knows_whether_it_had_taken_the_state()
    {
        var run = WithNewcomer();
        run.Fail(FailureKind.Lost, rank: 0, reached: 8);
        Assert.Equal((RunPhase.Working, 3, 0L, 8L), (run.State.Phase, run.Generation, run.State.StepsLost, run.State.Step));
        Assert.Equal(new TrainerName(2, 1), run.State.Current!.Members.Single().Trainer);
    }

    [Fact]
    public void A_newcomer_left_alone_without_the_state_says_so_and_the_steps_since_the_checkpoint_go()
    {
        var run = WithNewcomer();
        run.Epoch(1);
        run.Checkpoint(1);
        run.Fail(FailureKind.Lost, rank: 0, reached: 18);
        run.Fail(FailureKind.Preempted, rank: 0);
        Assert.Equal((RunPhase.Waiting, 8L, 10L, 0), (run.State.Phase, run.State.StepsLost, run.State.Step, run.State.Survivors.Count));
    }

    [Fact]
    public void Who_left_at_a_boundary_that_never_came_still_tells_the_last_epoch_and_brings_the_last_checkpoint()
    {
        var run = LeftAtTheEnd();
        Assert.Equal((RunPhase.Working, null), (run.State.Phase, run.State.Outcome));
        Assert.Empty(run.Do(new RunCommand.LoseLast(1, RunSample.At)));

        var events = run.Checkpoint(1, generation: 1);
        Assert.Equal([typeof(RunEvent.CheckpointCommitted), typeof(RunEvent.TrainingEnded), typeof(RunEvent.RunEnded)], events.Select(happened => happened.GetType()));
        Assert.Equal((RunOutcome.Succeeded, "weights"), (run.State.Outcome, run.State.WeightsHash));
    }

    [Fact]
    public void A_last_checkpoint_that_is_lost_with_who_left_is_trained_for_again()
    {
        var run = LeftAtTheEnd();
        run.Do(new RunCommand.LoseLast(run.Generation, RunSample.At));
        Assert.Equal((RunPhase.Waiting, 10L, 0L, null), (run.State.Phase, run.State.StepsLost, run.State.Step, run.State.Completed));
        run.Begin(1);
        run.Train();
        Assert.Equal(RunOutcome.Succeeded, run.State.Outcome);
    }

    [Fact]
    public void The_same_trainers_go_on_with_other_ranges_at_the_end_of_a_step()
    {
        var run = RunSample.Working(members: 2, budgets: Budgets);
        var before = run.State.Current!.Members;
        var events = run.Do(new RunCommand.Balance(1, [3, 1], RunSample.At));
        Assert.Equal([typeof(RunEvent.GenerationProposed), typeof(RunEvent.GenerationBegun)], events.Select(happened => happened.GetType()));
        var after = run.State.Current!;
        Assert.Equal((2, true, 0L), (after.Number, after.AtBoundary, run.State.StepsLost));
        Assert.Equal(before.Select(member => (member.Trainer, member.Place.Agent, member.Pid)), after.Members.Select(member => (member.Trainer, member.Place.Agent, member.Pid)));
        Assert.Equal([(0, 3), (3, 4)], after.Members.Select(member => (member.Place.FirstShard, member.Place.EndShard)));
        Assert.Empty(run.State.Failures);
        Assert.Empty(run.Do(new RunCommand.Balance(2, [3, 1], RunSample.At)));
    }

    [Fact]
    public void Ranges_stay_while_anything_else_changes()
    {
        var leaving = RunSample.Working(members: 1, budgets: Budgets);
        Assert.Empty(leaving.Do(new RunCommand.Balance(1, [4], RunSample.At)));
        var joining = RunSample.Requested(RunSample.Plan(min: 1, max: 3, budgets: Budgets));
        joining.Begin(2);
        Assert.Empty(joining.Do(new RunCommand.Balance(1, [4, 0], RunSample.At)));
        Assert.Empty(joining.Do(new RunCommand.Balance(1, [3, 2], RunSample.At)));
        joining.Do(new RunCommand.Propose(RunSample.Slots(1, from: 2), "8899aabbccddeeff", RunSample.At));
        Assert.Empty(joining.Do(new RunCommand.Balance(1, [3, 1], RunSample.At)));
        var lost = RunSample.Working(members: 2, budgets: Budgets);
        lost.Interrupt(0, suspect: 1);
        Assert.Empty(lost.Do(new RunCommand.Balance(1, [3, 1], RunSample.At)));
    }

    private static RunSample WithNewcomer()
    {
        var run = RunSample.Working(members: 1, budgets: Budgets);
        run.Do(new RunCommand.Propose(RunSample.Slots(1, from: 1), "8899aabbccddeeff", RunSample.At));
        run.Do(new RunCommand.Ready(2, 1, "host:9", 109, RunSample.Probe, "cpu", RunSample.At));
        return run;
    }

    /// <summary>Rank 0 was to leave, and the run came to its end first: it told the epoch, and has the checkpoint.</summary>
    private static RunSample LeftAtTheEnd()
    {
        var run = RunSample.Working(members: 2, trial: RunSample.Trial, budgets: Budgets, epochs: 1);
        run.Do(new RunCommand.Vacate("a", RunSample.At));
        Assert.Equal("b", run.State.Current!.Members.Single().Place.Agent);
        Assert.NotEmpty(run.Epoch(1, generation: 1));
        Assert.Equal([typeof(RunEvent.MemberEnded), typeof(RunEvent.TrainingCompleted)], run.End(1).Select(happened => happened.GetType()));
        return run;
    }
}
