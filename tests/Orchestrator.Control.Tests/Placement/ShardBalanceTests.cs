using CsCheck;
using Orchestrator.Control.Placement;

namespace Orchestrator.Control.Tests.Placement;

public sealed class ShardBalanceTests
{
    private const long Many = 1000;

    [Fact]
    public void Whoever_takes_twice_as_long_gets_half_as_many() => Assert.Equal([4, 2], ShardBalance.Of([3, 3], [0.1, 0.2], Many));

    [Fact]
    public void Equals_stay_as_they_are() => Assert.Null(ShardBalance.Of([2, 2], [0.1, 0.1], Many));

    [Fact]
    public void However_slow_it_keeps_one() => Assert.Equal([7, 1], ShardBalance.Of([4, 4], [0.1, 50], Many));

    [Fact]
    public void A_gain_of_less_than_a_tenth_is_not_worth_a_change() => Assert.Null(ShardBalance.Of([5, 5], [0.1, 0.11], Many));

    [Fact]
    public void Nor_is_one_with_no_steps_left_to_gain_it_in()
    {
        Assert.NotNull(ShardBalance.Of([2, 2], [0.1, 0.4], 100));
        Assert.Null(ShardBalance.Of([2, 2], [0.1, 0.4], 2));
    }

    [Fact]
    public void Nothing_changes_before_every_member_has_told_its_pace()
    {
        Assert.Null(ShardBalance.Of([2, 2], [0.1, 0], Many));
        Assert.Null(ShardBalance.Of([4], [0.1], Many));
    }

    [Fact]
    public void No_other_way_to_cut_has_a_faster_slowest_member() => Gen.Select(Gen.Double[0.01, 1].Array[2, 4], Gen.Int[4, 12]).Sample((paces, shards) =>
    {
        var even = Enumerable.Range(0, paces.Length).Select(rank => (shards * (rank + 1) / paces.Length) - (shards * rank / paces.Length)).ToArray();
        var best = Cuts(paces.Length, shards).Min(cut => ShardBalance.StepSeconds(cut, paces));
        if (ShardBalance.Of(even, paces, long.MaxValue) is { } balanced)
        {
            Assert.Equal(shards, balanced.Sum());
            Assert.All(balanced, count => Assert.True(count > 0));
            Assert.Equal(best, ShardBalance.StepSeconds(balanced, paces));
            Assert.Null(ShardBalance.Of(balanced, paces, long.MaxValue));
        }
        else
        {
            Assert.True(best >= 0.9 * ShardBalance.StepSeconds(even, paces));
        }
    });

    private static IEnumerable<int[]> Cuts(int members, int shards) => members == 1
        ? [[shards]]
        : Enumerable.Range(1, shards - members + 1).SelectMany(first => Cuts(members - 1, shards - first).Select(rest => (int[])[first, .. rest]));
}
