using Orchestrator.Collectives.Tcp;

namespace Orchestrator.Collectives.SharedMemory;

/// <summary>
/// Collectives of ranks some or all of which share a host: through memory inside a host, over TCP between hosts. The connections that
/// proved the generation's key stay open, so that the end of a peer is seen at once. Linux only.
/// </summary>
public sealed unsafe class HostCollective : OrderedCollective
{
    private readonly Lock running = new();
    private readonly CollectiveOptions options;
    private readonly HostLayout layout;
    private readonly Mesh mesh;
    private readonly Segment segment;
    private readonly PeerSegment[] peers;
    private readonly HostGroup group;
    private readonly SliceSum slices;
    private readonly HostReduction reduction;
    private readonly HostExchange exchange;
    private readonly nint[] starts;
    private CollectiveException? failure;
    private bool closed;

    internal HostCollective(
        int rank, ShardPlan plan, PeerLink[] links, Mesh mesh, Segment segment, HostMeeting meeting, CollectiveOptions options)
        : base(rank, plan)
    {
        this.options = options;
        this.mesh = mesh;
        this.segment = segment;
        layout = new HostLayout(plan, meeting.Hosts, rank);
        peers = [.. layout.Ranks.Where(member => member != rank).Select(member => meeting.Segments[member]!)];
        group = new HostGroup(
            layout.Member,
            layout.Ranks,
            [.. layout.Ranks.Select(member => member == rank ? segment.Header : meeting.Segments[member]!.Header)],
            [.. layout.Ranks.Select(member => Array.Find(links, link => link.Rank == member)?.File ?? -1)],
            options.Deadline);
        starts = [.. layout.Ranks.Select(member => (nint)(member == rank ? segment.Start : meeting.Segments[member]!.Start))];
        slices = new SliceSum(plan, layout, group, mesh, links);
        reduction = new HostReduction(plan, layout, group, segment, starts, slices, options.CachedBytes);
        exchange = new HostExchange(layout, group, segment, starts);
        Transport = layout.OneHost ? "shared memory" : $"shared memory and tcp, {layout.Hosts.Length} hosts ({meeting.Obstacle})";
    }

    public override string Transport { get; }

    public override bool IsNetworked => !layout.OneHost;

    /// <summary>For tests: called at each stage of an operation.</summary>
    internal Action<HostStage>? AtStage
    {
        set => group.AtStage = value;
    }

    public override CollectiveBuffer Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        return segment.Allocate(bytes) ?? base.Allocate(bytes);
    }

    public override CollectiveBuffer AllocateTotal(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        if (!layout.OneHost || bytes <= HostReduction.AtOnceBytes)
        {
            return Allocate(bytes);
        }

        // All have it, or none: where one rank has no room, or its machine does not map memory twice, each has memory of its own.
        var room = segment.TakeAndHold(SharedTotal.BytesOf(layout.Member, group.Members, bytes));
        SharedTotal? total = null;
        var isShared = false;
        try
        {
            var rooms = AllGather(BitConverter.GetBytes(room)).Select(mine => BitConverter.ToInt64(mine)).ToArray();
            total = rooms.Contains(-1) ? null : TryShare(rooms, bytes);
            isShared = AllGather([total is null ? (byte)0 : (byte)1]).All(rank => rank[0] == 1);
        }
        finally
        {
            if (!isShared && total is not null)
            {
                total.Dispose();
            }
            else if (total is null && room >= 0)
            {
                segment.Release();
            }
        }

        return isShared ? total! : Allocate(bytes);
    }

    private protected override void Reduce(in Reduction sum)
    {
        lock (running)
        {
            ThrowIfOver();
            try
            {
                reduction.Run(sum);
            }
            catch (Exception error)
            {
                throw Fail(error);
            }
        }
    }

    private protected override byte[][] Gather(ReadOnlySpan<byte> mine)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(mine.Length, options.GreatestGather);
        var results = new byte[WorldSize][];
        lock (running)
        {
            ThrowIfOver();
            try
            {
                if (!exchange.TryGather(mine, results))
                {
                    results[Rank] = mine.ToArray();
                    fixed (byte* first = mine)
                    {
                        mesh.Run(new GatherOperation(results, first, mine.Length, group.NextSequence, options.GreatestGather));
                    }
                }
            }
            catch (Exception error)
            {
                throw Fail(error);
            }
        }

        return results;
    }

    private protected override void Spread(int root, byte* bytes, long length)
    {
        lock (running)
        {
            ThrowIfOver();
            try
            {
                if (layout.OneHost)
                {
                    exchange.Broadcast(root, bytes, length);
                }
                else
                {
                    group.Meet(new Announcement(
                        group.NextSequence, HostOperation.Broadcast, root, length, -1, 0, -1, 0, Staged.Nothing));
                    mesh.Run(new BroadcastOperation(root, Rank, WorldSize, bytes, length, group.NextSequence));
                }
            }
            catch (Exception error)
            {
                throw Fail(error);
            }
        }
    }

    private protected override void Close()
    {
        // Both wake what waits on this rank; what it does then ends before anything is taken away.
        group.Close();
        mesh.Interrupt();
        lock (running)
        {
            if (closed)
            {
                return;
            }

            closed = true;
            failure ??= new CollectiveException(CollectiveFailure.Closed, -1, "The collective was disposed.");
            group.Abort(CollectiveFailure.Closed, -1);
            mesh.Dispose();
            Array.ForEach(peers, peer => peer.Dispose());
            slices.Dispose();
            segment.Release();
        }
    }

    private void ThrowIfOver()
    {
        if (failure is { } before)
        {
            throw new CollectiveException(before.Failure, before.Peer, before.Message, before);
        }
    }

    private SharedTotal? TryShare(long[] rooms, long bytes)
    {
        lock (running)
        {
            ThrowIfOver();
            return reduction.TryShare([.. starts.Zip(rooms, (start, offset) => start + (nint)offset)], bytes);
        }
    }

    /// <summary>Whatever it was, the ranks are somewhere in the middle: nothing can follow.</summary>
    private CollectiveException Fail(Exception error)
    {
        failure = error as CollectiveException ?? new CollectiveException(CollectiveFailure.Protocol, -1, error.Message, error);
        group.Abort(failure.Failure, failure.Peer);
        mesh.Fail(failure);
        return failure;
    }
}
