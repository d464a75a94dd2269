using System.Diagnostics;
using System.Runtime.Intrinsics.X86;

namespace Orchestrator.Collectives.SharedMemory;

/// <summary>Where a rank is in an operation.</summary>
internal enum HostStage
{
    Announcing,
    Announced,
    Staged,
    Summed,
    Copied,
    Left,
}

/// <summary>
/// The ranks of one host: each has a position that only grows, and waits for the others' positions. A short while it looks, then it
/// sleeps until the other one wakes it, looking up now and then whether the other is still there: its connection ends with its process.
/// </summary>
internal sealed unsafe class HostGroup
{
    /// <summary>How late a death is seen.</summary>
    private const int LookUpMilliseconds = 10;

    private readonly int me;
    private readonly int[] ranks;
    private readonly SegmentHeader[] headers;
    private readonly int[] connections;
    private readonly TimeSpan deadline;
    private readonly Announcement[] announced;
    private long sequence;
    private Patience patience;
    private volatile bool closing;

    /// <param name="ranks">Of the members.</param>
    /// <param name="connections">The members' sockets; -1 for this rank's own place.</param>
    public HostGroup(int me, int[] ranks, SegmentHeader[] headers, int[] connections, TimeSpan deadline)
    {
        this.me = me;
        this.ranks = ranks;
        this.headers = headers;
        this.connections = connections;
        this.deadline = deadline;
        announced = new Announcement[ranks.Length];
    }

    public int Members => ranks.Length;

    /// <summary>This rank's place among them.</summary>
    public int Me => me;

    /// <summary>Where all members are once the operation under way is over; whoever runs one moves it on by as much as all others
    /// do.</summary>
    public long Reached { get; set; }

    /// <summary>For tests: called at each stage of an operation, on the operation's thread.</summary>
    public Action<HostStage>? AtStage { get; set; }

    /// <summary>By member: what it brings to the operation under way.</summary>
    public ReadOnlySpan<Announcement> Announced => announced;

    /// <summary>The next operation's number: whether it is even or odd decides what memory it uses.</summary>
    public long NextSequence => sequence + 1;

    public long Position(int member) => Volatile.Read(ref *headers[member].Position);

    /// <summary>Begins an operation: says what this rank brings, and waits until all have.</summary>
    /// <exception cref="CollectiveException">A member is doing something else, or is not there.</exception>
    public void Meet(in Announcement mine)
    {
        sequence = mine.Sequence;
        headers[me].Announced(sequence) = mine;
        AtStage?.Invoke(HostStage.Announcing);
        Advance(++Reached);
        AtStage?.Invoke(HostStage.Announced);
        AwaitAll(Reached);
        for (var member = 0; member < headers.Length; member++)
        {
            announced[member] = headers[member].Announced(sequence);
            if (!announced[member].Matches(mine))
            {
                throw new CollectiveException(
                    CollectiveFailure.Protocol,
                    ranks[member],
                    $"Rank {ranks[member]} is doing something else: {announced[member]} instead of {mine}.");
            }
        }
    }

    /// <summary>Everything written before is there for who sees the position.</summary>
    public void Advance(long position)
    {
        // A full barrier: who falls asleep now has either said so before, or sees the position.
        Interlocked.Exchange(ref *headers[me].Position, position);
        for (var member = 0; member < headers.Length; member++)
        {
            if (member != me && Volatile.Read(ref *headers[member].Waiting) == me + 1)
            {
                Native.Wake(headers[me].PositionWord);
                return;
            }
        }
    }

    public void AwaitAll(long position)
    {
        for (var member = 0; member < headers.Length; member++)
        {
            if (member != me)
            {
                Await(member, position);
            }
        }
    }

    /// <exception cref="CollectiveException">The member is gone, gave up, or does not get there.</exception>
    public void Await(int member, long position)
    {
        if (Position(member) >= position)
        {
            return;
        }

        var began = Stopwatch.GetTimestamp();
        if (!Look(member, position, began))
        {
            Sleep(member, position);
        }

        patience.Learn(began);
    }

    /// <summary>While this rank waits for other hosts.</summary>
    public void Elsewhere(bool waits) => Volatile.Write(ref *headers[me].Waiting, waits ? SegmentHeader.Elsewhere : 0);

    /// <summary>Tells the others that this rank gives up.</summary>
    /// <param name="culprit">The rank to blame; -1: unknown.</param>
    public void Abort(CollectiveFailure failure, int culprit)
    {
        Interlocked.CompareExchange(ref *headers[me].Abort, ((culprit + 1L) << 32) | ((long)failure + 1), 0);
        Native.Wake(headers[me].PositionWord);
    }

    /// <summary>Ends this rank's waiting.</summary>
    public void Close()
    {
        closing = true;
        foreach (var header in headers)
        {
            Native.Wake(header.PositionWord);
        }
    }

    private void Sleep(int member, long position)
    {
        Interlocked.Exchange(ref *headers[me].Waiting, member + 1);
        try
        {
            var (moved, last) = (Stopwatch.GetTimestamp(), -1L);
            while (true)
            {
                var seen = Position(member);
                if (seen >= position)
                {
                    return;
                }

                ThrowIfOver(member);
                if (seen != last)
                {
                    (moved, last) = (Stopwatch.GetTimestamp(), seen);
                }

                if (Native.Sleep(headers[member].PositionWord, (int)seen, LookUpMilliseconds))
                {
                    continue;
                }

                if (HungUp(member) && Position(member) < position)
                {
                    ThrowIfOver(member);
                    throw new CollectiveException(
                        CollectiveFailure.PeerLost, ranks[member], $"Rank {ranks[member]} is gone: its connection ended.");
                }

                // Who waits for another host is not to blame, and will say who is; unless it does not even do that.
                var allowed = Volatile.Read(ref *headers[member].Waiting) == SegmentHeader.Elsewhere ? 2 * deadline : deadline;
                if (Stopwatch.GetElapsedTime(moved) >= allowed)
                {
                    throw Silent();
                }
            }
        }
        finally
        {
            Volatile.Write(ref *headers[me].Waiting, 0);
        }
    }

    private bool Look(int member, long position, long began)
    {
        while (patience.Lasts(began))
        {
            for (var turn = 0; turn < 8; turn++)
            {
                if (Position(member) >= position)
                {
                    return true;
                }

                Pause();
            }
        }

        return false;
    }

    private static void Pause()
    {
        if (X86Base.IsSupported)
        {
            X86Base.Pause();
        }
        else
        {
            Thread.SpinWait(1);
        }
    }

    private void ThrowIfOver(int member)
    {
        if (closing)
        {
            throw new CollectiveException(CollectiveFailure.Closed, -1, "The collective was disposed.");
        }

        var abort = Volatile.Read(ref *headers[member].Abort);
        if (abort == 0)
        {
            return;
        }

        var (failure, culprit) = ((CollectiveFailure)((int)abort - 1), (int)(abort >> 32) - 1);
        throw failure != CollectiveFailure.Closed && culprit >= 0
            ? new CollectiveException(failure, culprit, $"Rank {ranks[member]} gave up because of rank {culprit}.")
            : new CollectiveException(CollectiveFailure.PeerLost, ranks[member], $"Rank {ranks[member]} is gone: it ended its part.");
    }

    private bool HungUp(int member)
    {
        Span<PollDescriptor> descriptor = [new PollDescriptor { File = connections[member], Wanted = PollEvents.ReadHangUp }];
        return Native.Poll(descriptor, 0)
            && (descriptor[0].Happened & (PollEvents.ReadHangUp | PollEvents.HangUp | PollEvents.Error)) != PollEvents.None;
    }

    private CollectiveException Silent()
    {
        // The one who is furthest behind: the others may wait for it, too.
        var culprit = Enumerable.Range(0, Members).Where(member => member != me).MinBy(Position);
        return new CollectiveException(
            CollectiveFailure.TimedOut, ranks[culprit], $"Rank {ranks[culprit]} was silent for {deadline.TotalSeconds:0.###} s.");
    }
}
