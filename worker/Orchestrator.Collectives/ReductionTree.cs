using System.Numerics;

namespace Orchestrator.Collectives;

/// <summary>
/// The canonical binary tree over shard indices: a node of n shards splits at the largest power of two below n, so that (g0+g1)+(g2+g3)
/// for four. Sums follow it whatever rank owns which shard.
/// </summary>
public static class ReductionTree
{
    /// <summary>Where a node of two or more shards divides: the first shard of its right child.</summary>
    public static int Split(TreeNode node)
    {
        var count = node.End - node.First;
        return node.First + (1 << BitOperations.Log2((uint)(count - 1)));
    }

    /// <summary>The fewest whole subtrees that make up the range, left to right.</summary>
    public static IReadOnlyList<TreeNode> Cover(int shards, ShardRange range)
    {
        var nodes = new List<TreeNode>();
        Collect(new TreeNode(0, shards), range, nodes);
        return nodes;
    }

    private static void Collect(TreeNode node, ShardRange range, List<TreeNode> nodes)
    {
        if (node.End <= range.First || node.First >= range.End)
        {
            return;
        }

        if (range.First <= node.First && node.End <= range.End)
        {
            nodes.Add(node);
            return;
        }

        var split = Split(node);
        Collect(new TreeNode(node.First, split), range, nodes);
        Collect(new TreeNode(split, node.End), range, nodes);
    }
}
