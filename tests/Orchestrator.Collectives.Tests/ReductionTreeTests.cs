using CsCheck;

namespace Orchestrator.Collectives.Tests;

public sealed class ReductionTreeTests
{
    [Fact]
    public void Four_shards_are_added_in_pairs()
    {
        Assert.Equal(2, ReductionTree.Split(new TreeNode(0, 4)));
        Assert.Equal(4, ReductionTree.Split(new TreeNode(0, 7)));
        Assert.Equal([new TreeNode(0, 2), new TreeNode(2, 3)], ReductionTree.Cover(4, new ShardRange(0, 3)));
        Assert.Equal([new TreeNode(3, 4), new TreeNode(4, 6)], ReductionTree.Cover(8, new ShardRange(3, 6)));
    }

    [Fact]
    public void A_cover_is_the_range_itself_in_order() =>
        Gen.Select(Gen.Int[1, 200], Gen.Int[0, 200], Gen.Int[0, 200]).Sample((shards, a, b) =>
        {
            var range = new ShardRange(
                Math.Min(a, b) % (shards + 1), Math.Max(Math.Min(a, b) % (shards + 1), Math.Max(a, b) % (shards + 1)));
            var nodes = ReductionTree.Cover(shards, range);
            var end = range.First;
            foreach (var node in nodes)
            {
                Assert.Equal(end, node.First);
                end = node.End;
            }

            Assert.Equal(range.Count == 0 ? range.First : range.End, end);
            Assert.InRange(nodes.Count, 0, 2 * 9);
        });

    [Theory]
    [InlineData(1, 3)]
    [InlineData(0, 0)]
    public void Plans_with_gaps_or_no_shards_are_refused(int first, int end) =>
        Assert.Throws<ArgumentException>(() => new ShardPlan([new ShardRange(first, end)]));
}
