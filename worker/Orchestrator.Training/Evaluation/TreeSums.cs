using Orchestrator.Collectives;

namespace Orchestrator.Training.Evaluation;

/// <summary>Metric sums along the canonical tree over numbered batches: the same bits whichever rank measured which batch.</summary>
internal static class TreeSums
{
    /// <summary>The sums of a subtree, its batches measured in order.</summary>
    public static MetricSums Measure(TreeNode node, Func<int, MetricSums> batch) => Sum(node, leaf => leaf.End - leaf.First == 1 ? batch(leaf.First) : null);

    /// <summary>The whole sum from those of the subtrees that the ranks own.</summary>
    public static MetricSums Combine(int batches, IReadOnlyDictionary<TreeNode, MetricSums> owned) => Sum(new TreeNode(0, batches), node => owned.GetValueOrDefault(node));

    private static MetricSums Sum(TreeNode node, Func<TreeNode, MetricSums?> known)
    {
        if (known(node) is { } sums)
        {
            return sums;
        }

        var split = ReductionTree.Split(node);
        var left = Sum(new TreeNode(node.First, split), known);
        left.Merge(Sum(new TreeNode(split, node.End), known));
        return left;
    }
}
