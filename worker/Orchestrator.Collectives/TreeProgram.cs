namespace Orchestrator.Collectives;

/// <summary>One addition: <c>Target = Left + Right</c>. Operands are numbered leaves first, then temporaries;
/// <see cref="TreeProgram.Output"/> is the result.</summary>
internal readonly record struct TreeStep(int Target, int Left, int Right);

/// <summary>
/// The canonical tree's additions above the subtrees that the members (ranks, or hosts) bring, in an order that needs few temporaries. The
/// leaves are the members' nodes, member by member.
/// </summary>
internal sealed class TreeProgram
{
    public const int Output = -1;

    private readonly Dictionary<TreeNode, int> leaves = [];
    private readonly List<TreeStep> steps = [];
    private readonly SortedSet<int> free = [];

    public TreeProgram(ShardPlan plan)
        : this([.. Enumerable.Range(0, plan.WorldSize).Select(plan.OwnedNodes)], new TreeNode(0, plan.Shards))
    {
    }

    /// <param name="owned">By member: the nodes whose sums it brings. Those outside the root are numbered and not used.</param>
    /// <param name="root">The node to sum.</param>
    public TreeProgram(IReadOnlyList<TreeNode>[] owned, TreeNode root)
    {
        FirstLeaf = new int[owned.Length];
        for (var member = 0; member < owned.Length; member++)
        {
            FirstLeaf[member] = leaves.Count;
            foreach (var node in owned[member])
            {
                leaves.Add(node, leaves.Count);
            }
        }

        var result = Compile(root);
        if (steps.Count > 0)
        {
            steps[^1] = steps[^1] with { Target = Output };
        }
        else
        {
            OnlyLeaf = result;
        }

        Steps = [.. steps];
    }

    public TreeStep[] Steps { get; }

    /// <summary>The leaf that is the whole sum where there is nothing to add; -1 otherwise.</summary>
    public int OnlyLeaf { get; } = -1;

    /// <summary>By member: the number of its first leaf.</summary>
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
