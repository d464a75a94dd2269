using Orchestrator.Collectives;

namespace Orchestrator.Training.Engine;

/// <summary>
/// Which rows a rank's partial sums take while they are added up: row i ends as the sum of its i-th owned subtree. The last subtree is summed from its right end: the left halves on the way down to
/// its last shards have rows of their own, and what is left there, one or two shards, is the leaf. So any columns of it are finished as soon as the very last shard has them.
/// </summary>
internal sealed class RowPlan
{
    /// <param name="keepsLeaf">The last subtree's sum gets a row beside what it is made of, and can be made again.</param>
    public RowPlan(IReadOnlyList<TreeNode> nodes, bool keepsLeaf = false)
    {
        Nodes = nodes.Count;
        Count = nodes.SkipLast(1).Select((node, index) => index + Depth(node.End - node.First)).DefaultIfEmpty(0).Max();
        if (Nodes == 0)
        {
            return;
        }

        for (var node = nodes[^1]; node.End - node.First > 2; Lefts++)
        {
            var split = ReductionTree.Split(node);
            Count = Math.Max(Count, Left(Lefts) + Depth(split - node.First));
            node = new TreeNode(split, node.End);
        }

        Leaf = keepsLeaf && Lefts > 0 ? Left(Lefts) : Last;
        Count = Math.Max(Count, Math.Max(Leaf, Last) + 1);
    }

    /// <summary>Rows that are sent.</summary>
    public int Nodes { get; }

    /// <summary>Of all.</summary>
    public int Count { get; }

    /// <summary>The last subtree's.</summary>
    public int Last => Nodes - 1;

    /// <summary>The row of the last shards, one or two: <see cref="Last"/> itself where nothing has to be kept.</summary>
    public int Leaf { get; }

    /// <summary>Left halves on the way down to the leaf.</summary>
    public int Lefts { get; }

    /// <summary>The row of a left half, the largest first; rows after it are free until the next one.</summary>
    public int Left(int depth) => Nodes + depth;

    /// <summary>Rows that a subtree needs while it is summed.</summary>
    private static int Depth(int shards)
    {
        if (shards <= 2)
        {
            return 1;
        }

        var left = ReductionTree.Split(new TreeNode(0, shards));
        return Math.Max(Depth(left), 1 + Depth(shards - left));
    }
}
