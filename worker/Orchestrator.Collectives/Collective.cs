using System.Net.Sockets;
using Orchestrator.Collectives.SharedMemory;
using Orchestrator.Collectives.Tcp;

namespace Orchestrator.Collectives;

/// <summary>Connects the ranks of a generation by the fastest way there is between each two of them.</summary>
public static class Collective
{
    /// <summary>
    /// Dials the lower ranks and waits for the higher ones; every connection proves the generation's key before its first byte. Ranks
    /// that can then read each other's memory do so, all others use the connections; <see cref="ICollective.Transport"/> says which.
    /// </summary>
    /// <param name="listener">This rank's, whose address stands in <paramref name="peers"/>; the caller's.</param>
    /// <param name="peers"><c>host:port</c> in rank order, this rank's own too.</param>
    /// <param name="key">The generation's secret, at least 16 bytes; the same on all ranks.</param>
    /// <exception cref="CollectiveException">A peer is not there, or can't prove the key, or has another plan, within the handshake's
    /// deadline.</exception>
    public static async Task<ICollective> ConnectAsync(
        TcpListener listener,
        int rank,
        IReadOnlyList<string> peers,
        ShardPlan plan,
        ReadOnlyMemory<byte> key,
        CollectiveOptions options,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if (plan.WorldSize == 1)
        {
            return new LocalCollective(plan);
        }

        var links = await Rendezvous.MeetAsync(listener, rank, peers, plan, key, options, cancellationToken);

        // It blocks, as all that uses the connections does.
        return await Task.Factory.StartNew(
            () => Share(rank, plan, links, options, cancellationToken), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private static OrderedCollective Share(
        int rank, ShardPlan plan, PeerLink[] links, CollectiveOptions options, CancellationToken cancellationToken)
    {
        var (segment, obstacle) = CreateSegment(options);
        HostMeeting? meeting = null;
        var meetingMesh = new Mesh(links, options.HandshakeDeadline);
        try
        {
            using var stop = cancellationToken.Register(meetingMesh.Interrupt);
            var (sequence, offer) = (0L, segment is null ? null : SegmentOffer.Of(segment, options.Host ?? SegmentOffer.ThisHost()));
            meeting = HostMeeting.Hold(rank, plan.WorldSize, offer, obstacle, mine => Gather(meetingMesh, rank, plan.WorldSize, mine, ++sequence));
            if (meeting.Hosts.Length < plan.WorldSize)
            {
                segment ??= Segment.Private();
                return new HostCollective(rank, plan, links, new Mesh(links, options.Deadline), segment, meeting, options);
            }

            segment?.Release();
            return new TcpCollective(rank, plan, links, options, meeting.Obstacle);
        }
        catch
        {
            Array.ForEach(meeting?.Segments ?? [], peer => peer?.Dispose());
            segment?.Release();
            meetingMesh.Dispose();
            cancellationToken.ThrowIfCancellationRequested();
            throw;
        }
    }

    private static (Segment? Segment, string? Obstacle) CreateSegment(CollectiveOptions options)
    {
        if (!options.SharedMemory)
        {
            return (null, "shared memory is switched off");
        }

        try
        {
            return (Segment.Create(), null);
        }
        catch (IOException error)
        {
            return (null, $"no shared memory: {error.Message}");
        }
    }

    private static unsafe byte[][] Gather(Mesh mesh, int rank, int worldSize, byte[] mine, long sequence)
    {
        var results = new byte[worldSize][];
        results[rank] = mine;
        fixed (byte* first = mine)
        {
            mesh.Run(new GatherOperation(results, first, mine.Length, sequence, 1 << 20));
        }

        return results;
    }
}
