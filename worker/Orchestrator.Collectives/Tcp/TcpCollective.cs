using System.Net;
using System.Net.Sockets;
using System.Numerics;

namespace Orchestrator.Collectives.Tcp;

/// <summary>
/// Collectives over a full mesh of TCP connections, each of which has proved the generation's key before its first byte. Linux only.
/// </summary>
public sealed class TcpCollective : ICollective
{
    private readonly Mesh mesh;
    private readonly ReduceOperation reduce;
    private readonly CollectiveOptions options;
    private long sequence;

    internal TcpCollective(int rank, ShardPlan plan, PeerLink[] links, CollectiveOptions options)
    {
        Rank = rank;
        Plan = plan;
        this.options = options;
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
        ArgumentNullException.ThrowIfNull(listener);
        ArgumentNullException.ThrowIfNull(peers);
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNotEqual(peers.Count, plan.WorldSize);
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rank, peers.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(key.Length, 16);
        options.Validate();
        var links = await Rendezvous.MeetAsync(
            listener, peers, new Handshake(rank, plan, key.ToArray()), options.HandshakeDeadline, cancellationToken);
        return new TcpCollective(rank, plan, links, options);
    }

    public int Rank { get; }

    public int WorldSize => Plan.WorldSize;

    public ShardPlan Plan { get; }

    public unsafe void AllReduce<T>(ReadOnlySpan<T> partials, int stride, Span<T> total)
        where T : unmanaged, INumber<T>
    {
        PartialSums.Check(reduce.Rows, partials.Length, stride, total.Length);
        fixed (T* rows = partials)
        fixed (T* sum = total)
        {
            reduce.Begin(ElementwiseSum.Of<T>(), (byte*)rows, (long)stride * sizeof(T), (byte*)sum, total.Length, ++sequence);
            mesh.Run(reduce);
        }
    }

    public unsafe byte[][] AllGather(ReadOnlySpan<byte> mine)
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

    /// <summary>Ends the connections; what runs on another thread ends with <see cref="CollectiveFailure.Closed"/>, on the peers with
    /// <see cref="CollectiveFailure.PeerLost"/>.</summary>
    public ValueTask DisposeAsync()
    {
        mesh.Dispose();
        return ValueTask.CompletedTask;
    }
}
