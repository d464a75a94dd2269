namespace Orchestrator.Collectives.SharedMemory;

/// <summary>Gather and broadcast of ranks that all read each other's memory.</summary>
internal sealed unsafe class HostExchange
{
    private const int SlotBytes = 64 << 10;
    private const int PieceBytes = 1 << 20;

    private readonly bool oneHost;
    private readonly HostGroup group;
    private readonly Segment segment;
    private readonly nint[] starts;
    private readonly long slots;
    private readonly long pieces;

    /// <param name="starts">By member: where its segment begins in this process.</param>
    public HostExchange(HostLayout layout, HostGroup group, Segment segment, nint[] starts)
    {
        oneHost = layout.OneHost;
        this.group = group;
        this.segment = segment;
        this.starts = starts;
        slots = segment.Take(2 * SlotBytes);
        pieces = segment.Take(2 * PieceBytes);
    }

    /// <summary>Everybody's bytes, where all are on this host and have few.</summary>
    /// <returns>False otherwise: then they have only met.</returns>
    public bool TryGather(ReadOnlySpan<byte> mine, byte[][] results)
    {
        var sequence = group.NextSequence;
        var slot = slots + ((sequence & 1) * SlotBytes);
        var fits = oneHost && mine.Length <= SlotBytes;
        if (fits)
        {
            mine.CopyTo(new Span<byte>(segment.Start + slot, SlotBytes));
        }

        group.Meet(new Announcement(sequence, HostOperation.Gather, 0, mine.Length, fits ? slot : -1, 0, -1, 0, Staged.Nothing));
        foreach (var theirs in group.Announced)
        {
            if (theirs.Rows < 0)
            {
                return false;
            }
        }

        for (var member = 0; member < results.Length; member++)
        {
            var theirs = group.Announced[member];
            results[member] = new ReadOnlySpan<byte>((byte*)starts[member] + theirs.Rows, (int)theirs.Length).ToArray();
        }

        return true;
    }

    /// <summary>The root writes one piece while the others copy the one before.</summary>
    public void Broadcast(int root, byte* bytes, long length)
    {
        group.Meet(new Announcement(group.NextSequence, HostOperation.Broadcast, root, length, pieces, 0, -1, 0, Staged.Nothing));
        for (var (first, number) = (0L, 0L); first < length; first += PieceBytes, number++)
        {
            var count = Math.Min(PieceBytes, length - first);
            var here = starts[root] + (nint)group.Announced[root].Rows + (nint)((number & 1) * PieceBytes);
            group.Reached++;
            if (group.Me == root)
            {
                if (number > 1)
                {
                    group.AwaitAll(group.Reached - 2);
                }

                StreamingMemory.Copy(bytes + first, (byte*)here, count);
            }
            else
            {
                group.Await(root, group.Reached);
                Buffer.MemoryCopy((byte*)here, bytes + first, count, count);
            }

            group.AtStage?.Invoke(HostStage.Copied);
            group.Advance(group.Reached);
        }
    }
}
