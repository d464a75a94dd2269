using System.Numerics;

namespace Orchestrator.Collectives.Tests;

/// <summary>Made-up gradients of every shard, and their sum as the definition has it: recursively, one shard at a time.</summary>
internal sealed class Gradients<T>(int shards, int elements, int seed)
    where T : unmanaged, INumber<T>
{
    /// <summary>Spread over many magnitudes, so that another order of additions gives other bits.</summary>
    public T[][] OfShards { get; } = [.. Enumerable.Range(0, shards).Select(shard => Make(elements, (seed * 1000) + shard))];

    public T[] Sum() => Sum(new TreeNode(0, OfShards.Length));

    public T[] Sum(TreeNode node)
    {
        if (node.End - node.First == 1)
        {
            return OfShards[node.First];
        }

        var split = ReductionTree.Split(node);
        var (left, right) = (Sum(new TreeNode(node.First, split)), Sum(new TreeNode(split, node.End)));
        var sum = new T[left.Length];
        for (var index = 0; index < sum.Length; index++)
        {
            sum[index] = unchecked(left[index] + right[index]);
        }

        return sum;
    }

    /// <summary>What a rank sends: a row for each owned node, <paramref name="stride"/> apart, with something else between the
    /// rows.</summary>
    public T[] Partials(ShardPlan plan, int rank, int stride)
    {
        var nodes = plan.OwnedNodes(rank);
        var rows = new T[nodes.Count * stride];
        rows.AsSpan().Fill(T.CreateTruncating(77));
        for (var row = 0; row < nodes.Count; row++)
        {
            Sum(nodes[row]).CopyTo(rows, row * stride);
        }

        return rows;
    }

    private static T[] Make(int elements, int seed)
    {
        var random = new Random(seed);
        var values = new T[elements];
        for (var index = 0; index < elements; index++)
        {
            values[index] = default(T) is float or double
                ? T.CreateTruncating((random.NextDouble() - 0.5) * Math.ScaleB(1, (index % 25) - 12))
                : T.CreateTruncating(random.NextInt64());
        }

        return values;
    }
}
