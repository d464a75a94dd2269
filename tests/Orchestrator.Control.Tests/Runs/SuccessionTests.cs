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
        run.End(1, stopped: true);
        Assert.Equal(RunOutcome.Stopped, run.State.Outcome);
    }
}
