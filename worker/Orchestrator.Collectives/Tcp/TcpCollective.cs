using System.Net;
using System.Net.Sockets;

namespace Orchestrator.Collectives.Tcp;

/// <summary>
/// Collectives over a full mesh of TCP connections, each of which has proved the generation's key before its first byte. Linux only.
/// </summary>
public sealed class TcpCollective : OrderedCollective
{
    private readonly Mesh mesh;
    private readonly ReduceOperation reduce;
    private readonly CollectiveOptions options;
    private long sequence;

    internal TcpCollective(int rank, ShardPlan plan, PeerLink[] links, CollectiveOptions options, string? obstacle = null)
        : base(rank, plan)
    {
        this.options = options;
        Transport = obstacle is null ? "tcp" : $"tcp ({obstacle})";
        mesh = new Mesh(links, options.Deadline);
        reduce = new ReduceOperation(plan, rank);
    }

    /// <summary>Listens on a free port of the host, a name or an address of this machine. The caller owns the listener; it is needed
    /// until the peers are connected.</summary>
    public static TcpListener Listen(string host)
    {
        var address = IPAddress.TryParse(host, out var parsed)
            ? parsed
            : Dns.GetHostAddresses(host).OrderBy(candidate => candidate.AddressFamily).First();
        var listener = new TcpListener(address, 0);
        listener.Start(backlog: 128);
        return listener;
    }

    /// <summary>Connects all ranks to each other: dials the lower ranks, waits for the higher ones.</summary>
    /// <param name="listener">This rank's, whose address stands in <paramref name="peers"/>.</param>
    /// <param name="peers"><c>host:port</c> in rank order, this rank's own too.</param>
    /// <param name="key">The generation's secret, at least 16 bytes; the same on all ranks.</param>
    /// <exception cref="CollectiveException">A peer is not there, or can't prove the key, or has another plan, within the handshake's
    /// deadline.</exception>
    public static async Task<TcpCollective> ConnectAsync(
        TcpListener listener,
        int rank,
        IReadOnlyList<string> peers,
        ShardPlan plan,
        ReadOnlyMemory<byte> key,
        CollectiveOptions options,
        CancellationToken cancellationToken)
    {
        var links = await Rendezvous.MeetAsync(listener, rank, peers, plan, key, options, cancellationToken);
        return new TcpCollective(rank, plan, links, options);
    }

    public override string Transport { get; }

    public override bool IsNetworked => true;

    /// <summary>What this rank has sent so far: bytes of all kinds, and the messages of sums.</summary>
    internal (long Bytes, long Messages) Sent => mesh.Sent;

    private protected override void Reduce(in Reduction reduction)
    {
        reduce.Begin(reduction, ++sequence);
        mesh.Run(reduce);
    }

    private protected override unsafe byte[][] Gather(ReadOnlySpan<byte> mine)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(mine.Length, options.GreatestGather);
        var results = new byte[WorldSize][];
        results[Rank] = mine.ToArray();
        fixed (byte* first = mine)
        {
            mesh.Run(new GatherOperation(results, first, mine.Length, ++sequence, options.GreatestGather));
        }

        return results;
    }

    private protected override unsafe void Spread(int root, byte* bytes, long length) =>
        mesh.Run(new BroadcastOperation(root, Rank, WorldSize, bytes, length, ++sequence));

    private protected override void Close() => mesh.Dispose();
}
