namespace Orchestrator.Collectives;

/// <summary>One addition: <c>Target = Left + Right</c>. Operands are numbered leaves first, then temporaries;
/// <see cref="TreeProgram.Output"/> is the result.</summary>
internal readonly record struct TreeStep(int Target, int Left, int Right);

/// <summary>
/// The canonical tree's additions above the subtrees that the ranks send, in an order that needs few temporaries. The leaves are the
/// ranks' owned nodes, in rank order: left to right in the tree.
/// </summary>
internal sealed class TreeProgram
{
    public const int Output = -1;

    private readonly Dictionary<TreeNode, int> leaves = [];
    private readonly List<TreeStep> steps = [];
    private readonly SortedSet<int> free = [];

    public TreeProgram(ShardPlan plan)
    {
        FirstLeaf = new int[plan.WorldSize];
        for (var rank = 0; rank < plan.WorldSize; rank++)
        {
            FirstLeaf[rank] = leaves.Count;
            foreach (var node in plan.OwnedNodes(rank))
            {
                leaves.Add(node, leaves.Count);
            }
        }

        var root = Compile(new TreeNode(0, plan.Shards));
        if (steps.Count > 0)
        {
            steps[^1] = steps[^1] with { Target = Output };
        }
        else
        {
            OnlyLeaf = root;
        }

        Steps = [.. steps];
    }

    public TreeStep[] Steps { get; }

    /// <summary>The leaf that is the whole sum where there is nothing to add; -1 otherwise.</summary>
    public int OnlyLeaf { get; } = -1;

    /// <summary>By rank: the number of the rank's first leaf.</summary>
    public int[] FirstLeaf { get; }

    public int Leaves => leaves.Count;

    public int Temporaries { get; private set; }

    private int Compile(TreeNode node)
    {
        if (leaves.TryGetValue(node, out var leaf))
        {
            return leaf;
        }

        var split = ReductionTree.Split(node);
        var left = Compile(new TreeNode(node.First, split));
        var right = Compile(new TreeNode(split, node.End));

        // Elementwise, so that the result may take an operand's place.
        Release(left);
        Release(right);
        var target = Take();
        steps.Add(new TreeStep(target, left, right));
        return target;
    }

    private void Release(int operand)
    {
        if (operand >= leaves.Count)
        {
            free.Add(operand);
        }
    }

    private int Take()
    {
        if (free.Count == 0)
        {
            return leaves.Count + Temporaries++;
        }

        var taken = free.Min;
        free.Remove(taken);
        return taken;
    }
}
