using CsCheck;
using Orchestrator.Control.Runs;
using Orchestrator.Specs;

namespace Orchestrator.Control.Tests.Runs;

public sealed class HearingTests
{
    private static readonly FailureBudgets Budgets = new() { Lost = 5 };

    [Theory]
    [InlineData("0-1", "0 2")]
    [InlineData("1-0", "0 2")]
    [InlineData("1-2", "0 1")]
    [InlineData("0-1 0-2", "1 2")]
    [InlineData("2-0 2-1", "0 1")]
    [InlineData("0-1 1-2 2-0", "0")]
    public void Of_three_the_largest_set_that_hear_each_other_goes_on_and_of_equal_ones_that_of_the_lowest_rank(string silences, string staying) =>
        Assert.Equal(staying, string.Join(' ', Hearing.Largest([0, 1, 2], Parse(silences), [0, 1, 2])));

    [Fact]
    public void Nobody_is_left_out_whom_all_who_stay_hear_and_no_larger_set_hears_itself() => Gen.Select(Gen.Int[1, 7], Gen.Int[0, 6].Array[0, 24]).Sample((count, ends) =>
    {
        int[] ranks = [.. Enumerable.Range(0, count)];
        Silence[] silences = [.. ends.Chunk(2).Where(pair => pair.Length == 2 && pair[0] != pair[1] && pair.Max() < count).Select(pair => new Silence(pair[0], pair[1]))];
        var best = Hearing.Largest(ranks, silences, ranks);
        Assert.True(HearEachOther(best, silences));
        foreach (var subset in Enumerable.Range(1, (1 << count) - 1).Select(mask => ranks.Where(rank => (mask >> rank & 1) != 0).ToArray()).Where(subset => HearEachOther(subset, silences)))
        {
            Assert.True(subset.Length < best.Count || (subset.Length == best.Count && Lexicographic(best, subset) <= 0), $"{string.Join(' ', subset)} before {string.Join(' ', best)}");
        }
    });

    [Fact]
    public void Hosts_that_are_cut_into_two_halves_of_many_ranks_are_told_apart_at_once()
    {
        int[] ranks = [.. Enumerable.Range(0, 200)];
        Silence[] silences = [.. from left in ranks.Where(rank => rank < 90) from right in ranks.Where(rank => rank >= 90) select new Silence(left, right)];
        Assert.Equal(Enumerable.Range(90, 110), Hearing.Largest(ranks, silences, ranks));
    }

    [Fact]
    public void A_set_without_the_runs_state_is_no_use() => Assert.Equal([0], Hearing.Largest([0, 1, 2], Parse("0-1 0-2"), [0]));

    [Fact]
    public void A_cut_between_two_ends_one_of_them_and_the_third_goes_on_with_the_other()
    {
        var run = RunSample.Working(members: 3, budgets: Budgets);
        run.Do(new RunCommand.Part(1, Parse("0-2 2-0"), 7, RunSample.At));
        Assert.Equal(["a", "b"], run.State.Current!.Members.Select(member => member.Place.Agent));
        Assert.Equal((RunPhase.Working, 2, 0L, 7L), (run.State.Phase, run.Generation, run.State.StepsLost, run.State.Step));
        var failure = Assert.Single(run.State.Failures);
        Assert.Equal((FailureKind.Lost, "c"), (failure.Kind, failure.Worker));
        Assert.Equal("the network is cut: rank 0 does not hear rank 2, rank 2 does not hear rank 0; ranks 0, 1 hear each other and go on", failure.Message);
    }

    [Fact]
    public void Two_on_a_machine_that_stands_still_are_no_majority_over_one_that_speaks()
    {
        var run = RunSample.Working(members: 3, budgets: Budgets);
        run.Do(new RunCommand.Part(1, Parse("2-0 2-1"), 7, RunSample.At) { Absent = [0, 1] });
        Assert.Equal(["c"], run.State.Current!.Members.Select(member => member.Place.Agent));
    }

    [Fact]
    public void Who_is_not_heard_is_not_asked_back_for_a_while_and_each_time_for_longer()
    {
        var run = RunSample.Working(members: 3, budgets: Budgets);
        run.Do(new RunCommand.Part(1, Parse("0-2"), 7, RunSample.At));
        Assert.Equal(["c"], run.State.RefusedAt(RunSample.At.AddSeconds(14)));
        Assert.Empty(run.State.RefusedAt(RunSample.At.AddSeconds(15)));
        var again = Hearing.After(run.State.CutOffs, [("c", "a")], RunSample.At).Single();
        Assert.Equal(("a", "c", 2, RunSample.At.AddSeconds(30)), (again.Agent, again.Peer, again.Times, again.Until));
    }

    [Fact]
    public void A_newcomer_that_is_not_heard_costs_no_budget()
    {
        var run = RunSample.Working(members: 1, budgets: new FailureBudgets { Lost = 0 });
        run.Do(new RunCommand.Propose(RunSample.Slots(1, from: 1), "8899aabbccddeeff", RunSample.At));
        run.Do(new RunCommand.Ready(2, 1, "host:9", 109, RunSample.Probe, "cpu", RunSample.At));
        run.Do(new RunCommand.Part(2, Parse("1-0"), 7, RunSample.At));
        Assert.Equal((RunPhase.Working, "a", 0L), (run.State.Phase, run.State.Current!.Members.Single().Place.Agent, run.State.StepsLost));
        Assert.Equal(FailureKind.Preempted, run.State.Failures.Single().Kind);
    }

    [Fact]
    public void What_interrupted_members_did_not_hear_decides_once_all_wait()
    {
        var run = RunSample.Working(members: 3, budgets: Budgets);
        foreach (var (rank, suspect, unheard) in new[] { (1, 2, (int[])[2]), (0, 1, []), (2, 1, [1]) })
        {
            run.Do(new RunCommand.Interrupt(1, rank, 1, suspect, 5, "why", RunSample.At) { Unheard = unheard });
        }

        Assert.Equal(["a", "b"], run.State.Current!.Members.Select(member => member.Place.Agent));
    }

    [Fact]
    public void Where_nobody_is_to_blame_the_same_members_begin_again()
    {
        var run = RunSample.Working(members: 3, budgets: new FailureBudgets { Hung = 1 });
        run.Do(new RunCommand.BeginAgain(1, "all ranks wait for each other", RunSample.At, FailureKind.Hung));
        Assert.Equal((RunPhase.Working, 2, 3), (run.State.Phase, run.Generation, run.State.Current!.WorldSize));
    }

    private static Silence[] Parse(string text) => [.. text.Split(' ').Select(pair => pair.Split('-')).Select(pair => new Silence(pair[0][0] - '0', pair[1][0] - '0'))];

    private static bool HearEachOther(IReadOnlyList<int> ranks, Silence[] silences) => !Array.Exists(silences, silence => ranks.Contains(silence.Rank) && ranks.Contains(silence.Peer));

    private static int Lexicographic(IReadOnlyList<int> left, int[] right) => left.Zip(right, (a, b) => a.CompareTo(b)).FirstOrDefault(order => order != 0);
}
