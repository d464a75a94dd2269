using System.Runtime.InteropServices;
using Orchestrator.Collectives.Tcp;

namespace Orchestrator.Collectives.SharedMemory;

/// <summary>How a rank adds its slice: all of the tree where all shards are on its host, else its host's part of it and the rest with the
/// other hosts.</summary>
internal sealed unsafe class SliceSum : IDisposable
{
    private readonly HostLayout layout;
    private readonly HostGroup group;
    private readonly Mesh mesh;
    private readonly PeerLink[] gateways;
    private readonly ReduceOperation? betweenHosts;
    private readonly TreeProgram[] programs;
    private readonly nint[] operands;
    private readonly byte* temporaries;
    private readonly byte* hostRows;

    public SliceSum(ShardPlan plan, HostLayout layout, HostGroup group, Mesh mesh, IEnumerable<PeerLink> links)
    {
        this.layout = layout;
        this.group = group;
        this.mesh = mesh;
        var root = new TreeNode(0, plan.Shards);
        programs = layout.OneHost
            ? [new TreeProgram(layout.Owned, root)]
            : [.. layout.Nodes[layout.Host].Select(node => new TreeProgram(layout.Owned, node))];
        Leaves = layout.Owned.Sum(nodes => nodes.Count);
        var greatest = programs.Select(program => program.Temporaries).DefaultIfEmpty(0).Max();
        operands = new nint[Leaves + greatest];
        temporaries = (byte*)NativeMemory.AlignedAlloc((nuint)(Math.Max(1, greatest) * ElementwiseSum.TileBytes), 64);
        for (var temporary = 0; temporary < greatest; temporary++)
        {
            operands[Leaves + temporary] = (nint)(temporaries + ((long)temporary * ElementwiseSum.TileBytes));
        }

        gateways = [];
        if (!layout.OneHost && layout.IsOwner)
        {
            gateways = [.. links.Where(link => layout.Hosts.Any(ranks => !ReferenceEquals(ranks, layout.Ranks) && ranks[layout.Member] == link.Rank))];
            foreach (var link in gateways)
            {
                link.Member = Array.FindIndex(layout.Hosts, ranks => ranks.Contains(link.Rank));
            }

            betweenHosts = new ReduceOperation(layout.Nodes, root, layout.Host);
            if (layout.Ranks.Length > 1)
            {
                hostRows = (byte*)NativeMemory.AlignedAlloc((nuint)(Math.Max(1, programs.Length) * GreatestBlockBytes), 64);
            }
        }
    }

    /// <summary>Elements at a time: on one host as many as stay in a core's cache, else as many as make the round trips worth it.</summary>
    public int BlockBytes => layout.OneHost ? 256 << 10 : (int)GreatestBlockBytes;

    private static long GreatestBlockBytes => 4 << 20;

    /// <summary>Rows of all members of this host.</summary>
    public int Leaves { get; }

    /// <summary>By leaf of this host, member by member: where its elements of this block are.</summary>
    public Span<nint> Operands => operands.AsSpan(0, Leaves);

    /// <summary>Adds a block of this rank's slice.</summary>
    /// <param name="streaming">Other ranks will read it.</param>
    public void Run(ElementwiseSum sum, byte* output, int count, long sequence, bool streaming)
    {
        if (layout.OneHost)
        {
            sum.Run(programs[0], operands, output, count, streaming);
            return;
        }

        var stride = (long)count * sum.Size;
        for (var node = 0; node < programs.Length && hostRows != null; node++)
        {
            sum.Run(programs[node], operands, hostRows + (node * stride), count);
        }

        // A member alone on its host brings its rows as they are.
        var rows = hostRows != null ? (nint)hostRows : operands.Length > 0 ? operands[0] : 0;
        if (hostRows == null && programs.Length > 1)
        {
            stride = operands[1] - operands[0];
        }

        betweenHosts!.Begin(new Reduction(sum, rows, stride, (nint)output, count), sequence);
        group.Elsewhere(true);
        mesh.Run(betweenHosts, gateways);
        group.Elsewhere(false);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(temporaries);
        NativeMemory.AlignedFree(hostRows);
    }
}
