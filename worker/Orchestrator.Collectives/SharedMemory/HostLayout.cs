namespace Orchestrator.Collectives.SharedMemory;

/// <summary>Who adds what, where some ranks share memory: a host's ranks add what they have; between hosts, each host's first few ranks
/// exchange a slice each.</summary>
internal sealed class HostLayout
{
    /// <param name="hosts">The ranks of each host.</param>
    public HostLayout(ShardPlan plan, int[][] hosts, int rank)
    {
        Hosts = hosts;
        Host = Array.FindIndex(hosts, ranks => ranks.Contains(rank));
        Ranks = hosts[Host];
        Member = Array.IndexOf(Ranks, rank);
        Owners = hosts.Min(ranks => ranks.Length);
        Owned = [.. Ranks.Select(plan.OwnedNodes)];
        Nodes = [.. hosts.Select(ranks => NodesOf(plan, ranks))];
    }

    public int[][] Hosts { get; }

    /// <summary>This rank's.</summary>
    public int Host { get; }

    /// <summary>Of this rank's host.</summary>
    public int[] Ranks { get; }

    /// <summary>This rank's place among them.</summary>
    public int Member { get; }

    /// <summary>How many members of every host have a slice: as many as the smallest host has.</summary>
    public int Owners { get; }

    /// <summary>By member of this host: the nodes that it brings.</summary>
    public IReadOnlyList<TreeNode>[] Owned { get; }

    /// <summary>By host: the fewest whole subtrees that its ranks make up together.</summary>
    public IReadOnlyList<TreeNode>[] Nodes { get; }

    public bool OneHost => Hosts.Length == 1;

    public bool IsOwner => Member < Owners;

    private static List<TreeNode> NodesOf(ShardPlan plan, int[] ranks)
    {
        var nodes = new List<TreeNode>();
        var run = plan.Ranges[ranks[0]];
        foreach (var range in ranks[1..].Select(rank => plan.Ranges[rank]))
        {
            if (range.First != run.End)
            {
                nodes.AddRange(ReductionTree.Cover(plan.Shards, run));
                run = range;
            }

            run = run with { End = range.End };
        }

        nodes.AddRange(ReductionTree.Cover(plan.Shards, run));
        return nodes;
    }
}
