using CsCheck;
using Orchestrator.Control.Workers;

namespace Orchestrator.Control.Tests.Workers;

public sealed class TaskHealthTests
{
    [Fact]
    public void Nobody_is_deadlocked_while_one_was_not_heard_of()
    {
        RankPulse[] heard = [new RankPulse(1, "waiting", TimeSpan.Zero, TimeSpan.FromMinutes(1))];
        Assert.False(TaskHealth.IsDeadlocked(heard, null, members: 2));
        Assert.True(TaskHealth.IsDeadlocked(heard, null, members: 1));
    }

    [Theory]
    [InlineData("waiting", null, 0)]
    [InlineData("waiting", 2, 2)]
    [InlineData("waiting", 90, 60)]
    [InlineData("loading", null, 60)]
    public void Waiting_counts_from_the_beginning_of_the_generation_on(string phase, int? begun, int stalled)
    {
        var pulse = new RankPulse(0, phase, TimeSpan.Zero, TimeSpan.FromSeconds(60));
        Assert.Equal(TimeSpan.FromSeconds(stalled), TaskHealth.Since(pulse, begun is { } seconds ? TimeSpan.FromSeconds(seconds) : null).Stalled);
    }

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan? Quick = TimeSpan.FromMilliseconds(10);

    private static readonly string[] Phases = ["loading", "first-step", "training", "evaluating", "checkpointing", "waiting"];

    private static readonly Gen<RankPulse> Pulses = Gen.Select(
        Gen.Int[0, 7], Gen.Int[0, Phases.Length - 1], Gen.Int[0, 900], Gen.Int[0, 900])
        .Select((rank, phase, silent, stalled) => new RankPulse(rank, Phases[phase], TimeSpan.FromSeconds(silent), TimeSpan.FromSeconds(stalled)));

    [Fact]
    public void A_rank_that_waits_is_never_the_culprit_while_it_is_heard_of() => Pulses.Array[2, 6].Sample(ranks =>
    {
        var culprit = TaskHealth.Culprit(ranks, Quick);
        Assert.True(culprit is null
            || ranks.Any(rank => rank.Rank == culprit && (rank.Phase != "waiting" || TaskHealth.IsFrozen(rank))));
    });

    [Fact]
    public void Who_makes_progress_and_is_heard_of_is_well() => Pulses.Array[0, 6].Sample(ranks =>
        Assert.Null(TaskHealth.Culprit([.. ranks.Select(rank => rank with { Silent = Second, Stalled = Second })], Quick)));

    [Fact]
    public void Longer_silence_never_makes_a_gang_healthier() => Gen.Select(Pulses.Array[1, 6], Gen.Int[0, 100]).Sample((ranks, more) =>
    {
        var later = ranks.Select(rank => rank with { Silent = rank.Silent + (more * Second), Stalled = rank.Stalled + (more * Second) }).ToArray();
        Assert.True(TaskHealth.Culprit(ranks, Quick) is null || TaskHealth.Culprit(later, Quick) is not null);
    });

    [Theory]
    [InlineData("training", 3)]
    [InlineData("first-step", 120)]
    [InlineData("evaluating", 120)]
    [InlineData("checkpointing", 120)]
    [InlineData("loading", 600)]
    public void Each_phase_has_its_own_time(string phase, int seconds)
    {
        Assert.Null(TaskHealth.Culprit([Stalled(0, phase, seconds)], Quick));
        Assert.Equal(0, TaskHealth.Culprit([Stalled(0, phase, seconds + 1)], Quick));
    }

    [Fact]
    public void Slow_steps_have_ten_times_their_median()
    {
        Assert.Null(TaskHealth.Culprit([Stalled(0, "training", 19)], 2 * Second));
        Assert.Equal(0, TaskHealth.Culprit([Stalled(0, "training", 21)], 2 * Second));
        // Before the first step was timed nothing is known of them.
        Assert.Null(TaskHealth.Culprit([Stalled(0, "training", 29)], null));
    }

    [Fact]
    public void The_one_that_stopped_is_the_culprit_and_not_those_that_wait_for_it()
    {
        Assert.Equal(1, TaskHealth.Culprit([Stalled(0, "waiting", 60), Stalled(1, "training", 60), Stalled(2, "waiting", 60)], Quick));
        // Frozen in mid-wait: it answers nobody.
        Assert.Equal(2, TaskHealth.Culprit([Stalled(0, "waiting", 60), Stalled(1, "waiting", 60), new RankPulse(2, "waiting", 60 * Second, 60 * Second)], Quick));
    }

    [Fact]
    public void Of_a_gang_that_froze_while_it_waited_the_longest_silent_is_the_culprit()
    {
        RankPulse[] frozen = [new RankPulse(0, "waiting", 4 * Second, 5 * Second), new RankPulse(1, "waiting", 5 * Second, 5 * Second)];
        Assert.Equal(1, TaskHealth.Culprit(frozen, Quick));
    }

    [Fact]
    public void A_gang_in_which_everybody_waits_begins_again_after_a_while_and_nobody_is_to_blame()
    {
        Assert.False(TaskHealth.IsDeadlocked([Stalled(0, "waiting", 9), Stalled(1, "waiting", 60)], Quick, 2));
        RankPulse[] stuck = [Stalled(0, "waiting", 11), Stalled(1, "waiting", 11)];
        Assert.True(TaskHealth.IsDeadlocked(stuck, Quick, 2));
        Assert.Null(TaskHealth.Culprit(stuck, Quick));
        Assert.False(TaskHealth.IsDeadlocked([], Quick, 0));
    }

    private static RankPulse Stalled(int rank, string phase, int seconds) => new(rank, phase, TimeSpan.Zero, seconds * Second);
}
