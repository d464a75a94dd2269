namespace Orchestrator.Collectives;

/// <summary>A contiguous range of shards; <paramref name="End"/> is exclusive.</summary>
public readonly record struct ShardRange(int First, int End)
{
    public int Count => End - First;
}

/// <summary>A subtree of the canonical tree: the shards that it sums.</summary>
public readonly record struct TreeNode(int First, int End);

/// <summary>Which rank owns which shards, and with it which subtrees' sums each rank sends.</summary>
public sealed class ShardPlan
{
    private readonly IReadOnlyList<TreeNode>[] nodes;

    /// <param name="ranges">In rank order, adjacent, from shard 0. A rank may own none, the ranks together own at least one.</param>
    public ShardPlan(IReadOnlyList<ShardRange> ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        var end = 0;
        foreach (var range in ranges)
        {
            if (range.First != end || range.End < range.First)
            {
                throw new ArgumentException($"Shards {range.First} to {range.End} do not follow {end}.", nameof(ranges));
            }

            end = range.End;
        }

        if (end == 0)
        {
            throw new ArgumentException("There is no shard.", nameof(ranges));
        }

        Ranges = [.. ranges];
        nodes = [.. Ranges.Select(range => ReductionTree.Cover(end, range))];
    }

    /// <summary>Even ranges: the first ranks take one more where it does not divide.</summary>
    public static ShardPlan Even(int shards, int worldSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(worldSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(shards, worldSize);
        var ranges = new ShardRange[worldSize];
        for (var rank = 0; rank < worldSize; rank++)
        {
            ranges[rank] = new ShardRange((int)((long)shards * rank / worldSize), (int)((long)shards * (rank + 1) / worldSize));
        }

        return new ShardPlan(ranges);
    }

    public IReadOnlyList<ShardRange> Ranges { get; }

    public int Shards => Ranges[^1].End;

    public int WorldSize => Ranges.Count;

    /// <summary>The fewest whole subtrees that make up the rank's range, left to right.</summary>
    public IReadOnlyList<TreeNode> OwnedNodes(int rank) => nodes[rank];
}
