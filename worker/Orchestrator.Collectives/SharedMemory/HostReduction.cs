using System.Collections.Immutable;
using Orchestrator.Collectives.Tcp;

namespace Orchestrator.Collectives.SharedMemory;

/// <summary>
/// The ordered all-reduce of ranks that read each other's memory. Every owner adds its slice of the elements, reading all rows where they
/// lie, and all copy the others' slices while those go on adding; of a <see cref="SharedTotal"/> nothing is copied. A short sum takes one
/// meeting instead of three: every rank reads all rows and adds for itself. What does not lie in a segment goes through this rank's, a
/// piece at a time.
/// </summary>
internal sealed unsafe class HostReduction
{
    /// <summary>Totals up to this size take one meeting.</summary>
    public const int AtOnceBytes = 16 << 10;
    private const int StagingBytes = 32 << 20;

    /// <summary>Pieces begin at multiples of this many elements: whole cache lines.</summary>
    private const int Alignment = 16;

    private readonly HostLayout layout;
    private readonly HostGroup group;
    private readonly Segment segment;
    private readonly nint[] starts;
    private readonly SliceSum slices;
    private readonly int[] copied;
    private readonly int rows;
    private readonly int greatestRows;
    private readonly int cachedBytes;
    private readonly long slots;
    private readonly long stagedRows;
    private ImmutableArray<SharedTotal> totals = [];

    /// <summary>What the reduction under way is into; null: any other memory.</summary>
    private SharedTotal? shared;

    /// <param name="starts">By member: where its segment begins in this process.</param>
    /// <param name="cachedBytes">Rows up to this size are staged wherever they lie.</param>
    public HostReduction(
        ShardPlan plan, HostLayout layout, HostGroup group, Segment segment, nint[] starts, SliceSum slices, int cachedBytes)
    {
        this.layout = layout;
        this.group = group;
        this.segment = segment;
        this.starts = starts;
        this.slices = slices;
        this.cachedBytes = cachedBytes;
        rows = layout.Owned[layout.Member].Count;
        copied = new int[group.Members];
        greatestRows = Enumerable.Range(0, plan.WorldSize).Max(rank => plan.OwnedNodes(rank).Count);
        slots = segment.Take(2L * Math.Max(1, rows) * AtOnceBytes);
        stagedRows = segment.Take(StagingBytes);
    }

    /// <returns>Null where the machine does not allow it.</returns>
    /// <param name="parts">As <see cref="SharedTotal.Over"/> has them.</param>
    public SharedTotal? TryShare(nint[] parts, long bytes)
    {
        try
        {
            var total = SharedTotal.Over(parts, bytes, segment, gone => ImmutableInterlocked.Update(ref totals, all => all.Remove(gone)));
            ImmutableInterlocked.Update(ref totals, all => all.Add(total));
            return total;
        }
        catch (IOException)
        {
            return null;
        }
    }

    public void Run(in Reduction reduction)
    {
        shared = SharedAt(reduction.Total, reduction.Sum.Size);
        if (shared is null && layout.OneHost && (long)reduction.Elements * reduction.Sum.Size <= AtOnceBytes)
        {
            AddAtOnce(reduction);
        }
        else
        {
            AddInSlices(reduction);
        }
    }

    private void AddAtOnce(in Reduction reduction)
    {
        var sequence = group.NextSequence;
        var bytes = (long)reduction.Elements * reduction.Sum.Size;
        var slot = slots + ((sequence & 1) * Math.Max(1, rows) * AtOnceBytes);
        for (var row = 0; row < rows; row++)
        {
            StreamingMemory.Copy((byte*)reduction.Partials + (row * reduction.Stride), segment.Start + slot + (row * AtOnceBytes), bytes);
        }

        group.Meet(new Announcement(
            sequence, HostOperation.ReduceAtOnce, reduction.Sum.Dtype, reduction.Elements, slot, AtOnceBytes, -1, int.MaxValue, Staged.Nothing));
        FillOperands(reduction, 0, 0);
        slices.Run(reduction.Sum, (byte*)reduction.Total, reduction.Elements, sequence, streaming: false);
    }

    private void AddInSlices(in Reduction reduction)
    {
        var (size, elements) = (reduction.Sum.Size, reduction.Elements);
        var rowsAt = RowsAt(reduction);
        var totalAt = shared is null && layout.IsOwner && group.Members > 1 ? segment.OffsetOf(reduction.Total, (long)elements * size) : 0;
        var staged = (rowsAt < 0 ? Staged.Rows : Staged.Nothing) | (totalAt < 0 ? Staged.Total : Staged.Nothing);
        var capacity = StagingBytes / size / (greatestRows + 1) / Alignment * Alignment;
        var sequence = group.NextSequence;
        var mine = new Announcement(
            sequence,
            shared is null ? HostOperation.ReduceInSlices : HostOperation.ReduceInPlace,
            reduction.Sum.Dtype,
            elements,
            rowsAt < 0 ? stagedRows : rowsAt,
            rowsAt < 0 ? (long)capacity * size : reduction.Stride,
            totalAt < 0 ? stagedRows + ((long)rows * capacity * size) : totalAt,
            staged == Staged.Nothing && layout.OneHost ? int.MaxValue : capacity, // Hosts must cut alike.
            staged);
        group.Meet(mine);
        var piece = elements;
        foreach (var announcement in group.Announced)
        {
            piece = Math.Min(piece, announcement.Piece);
        }

        for (var first = 0; first < elements; first += piece)
        {
            AddPiece(reduction, mine, first, Math.Min(piece, elements - first), sequence);
        }
    }

    /// <summary>Where peers read this rank's rows; -1: nowhere yet.</summary>
    private long RowsAt(in Reduction reduction)
    {
        var bytes = (long)reduction.Elements * reduction.Sum.Size;
        return rows == 0 || group.Members == 1 ? 0
            : rows * bytes <= cachedBytes ? -1
            : segment.OffsetOf(reduction.Partials, ((rows - 1) * reduction.Stride) + bytes);
    }

    private void AddPiece(in Reduction reduction, in Announcement mine, int first, int count, long sequence)
    {
        var slice = SliceOf(reduction, layout.Member, first, count);
        if ((mine.Staged & Staged.Rows) != Staged.Nothing)
        {
            StageRows(reduction, mine, first, slice, count);
        }

        group.AtStage?.Invoke(HostStage.Staged);
        group.Advance(++group.Reached);
        group.AwaitAll(group.Reached);
        Exchange(reduction, mine, first, count, slice, sequence);
        group.Reached += MostBlocks(reduction, first, count);

        // The caller may change its total, and this rank its staging, once nobody reads them. A shared total was read where it is: whoever
        // is here knows that all have added theirs.
        group.AtStage?.Invoke(HostStage.Copied);
        group.Advance(++group.Reached);
        group.AtStage?.Invoke(HostStage.Left);
        if (shared is null)
        {
            group.AwaitAll(group.Reached);
        }
    }

    /// <summary>What the others need of this rank's rows: all but its own slice.</summary>
    private void StageRows(in Reduction reduction, in Announcement mine, int first, (int First, int Count) slice, int count)
    {
        var size = reduction.Sum.Size;
        for (var row = 0; row < rows; row++)
        {
            var from = (byte*)reduction.Partials + (row * reduction.Stride) + ((long)first * size);
            var to = segment.Start + mine.Rows + (row * mine.Stride);
            var before = (long)slice.First * size;
            var after = (long)(slice.First + slice.Count) * size;
            StreamingMemory.Copy(from, to, before);
            StreamingMemory.Copy(from + after, to + after, ((long)count * size) - after);
        }
    }

    /// <summary>Adds this rank's slice block by block, and in between copies what the other owners have added.</summary>
    private void Exchange(in Reduction reduction, in Announcement mine, int first, int count, (int First, int Count) slice, long sequence)
    {
        var size = reduction.Sum.Size;
        var blocks = Blocks(slice.Count, size);
        copied.AsSpan().Clear();
        for (var added = 0; ;)
        {
            var (moved, behind) = (false, -1);
            if (added < blocks)
            {
                AddBlock(reduction, mine, first, BlockOf(slice, added, size), sequence);
                group.Advance(group.Reached + ++added);
                group.AtStage?.Invoke(HostStage.Summed);
                moved = true;
            }

            for (var owner = 0; owner < layout.Owners; owner++)
            {
                if (owner == layout.Member)
                {
                    continue;
                }

                var theirs = SliceOf(reduction, owner, first, count);
                var due = Blocks(theirs.Count, size);
                var there = (int)Math.Min(due, group.Position(owner) - group.Reached);
                for (; copied[owner] < there; copied[owner]++)
                {
                    if (shared is null)
                    {
                        CopyBlock(reduction, owner, first, BlockOf(theirs, copied[owner], size));
                    }

                    moved = true;
                }

                behind = copied[owner] < due ? owner : behind;
            }

            if (added == blocks && behind < 0)
            {
                return;
            }

            if (!moved)
            {
                group.Await(behind, group.Reached + copied[behind] + 1);
            }
        }
    }

    private void AddBlock(in Reduction reduction, in Announcement mine, int first, (int First, int Count) block, long sequence)
    {
        var size = reduction.Sum.Size;
        FillOperands(reduction, first, block.First);
        var total = (byte*)reduction.Total + ((long)(first + block.First) * size);
        var staged = (mine.Staged & Staged.Total) != Staged.Nothing;
        slices.Run(reduction.Sum, total, block.Count, sequence, streaming: group.Members > 1 && !staged);
        if (staged)
        {
            StreamingMemory.Copy(total, segment.Start + mine.Total + ((long)block.First * size), (long)block.Count * size);
        }
    }

    private void CopyBlock(in Reduction reduction, int owner, int first, (int First, int Count) block)
    {
        var theirs = group.Announced[owner];
        var size = reduction.Sum.Size;
        var at = (theirs.Staged & Staged.Total) != Staged.Nothing ? block.First : first + block.First;
        var bytes = (long)block.Count * size;
        Buffer.MemoryCopy(
            (byte*)starts[owner] + theirs.Total + ((long)at * size),
            (byte*)reduction.Total + ((long)(first + block.First) * size),
            bytes,
            bytes);
    }

    /// <param name="first">Of the piece.</param>
    /// <param name="column">In the piece.</param>
    private void FillOperands(in Reduction reduction, int first, int column)
    {
        var leaf = 0;
        for (var member = 0; member < group.Members; member++)
        {
            ref readonly var theirs = ref group.Announced[member];
            var (start, stride, at) = member == layout.Member
                ? (reduction.Partials, reduction.Stride, first + column)
                : (starts[member] + (nint)theirs.Rows, theirs.Stride, (theirs.Staged & Staged.Rows) != Staged.Nothing ? column : first + column);
            for (var row = 0; row < layout.Owned[member].Count; row++)
            {
                slices.Operands[leaf++] = start + (nint)((row * stride) + ((long)at * reduction.Sum.Size));
            }
        }
    }

    /// <summary>What a member adds of a piece, from the piece's begin on.</summary>
    private (int First, int Count) SliceOf(in Reduction reduction, int member, int first, int count) =>
        shared is not null ? shared.PartOf(member, reduction.Total + ((nint)first * reduction.Sum.Size), count, reduction.Sum.Size)
        : member < layout.Owners ? ReduceOperation.Share(count, member, layout.Owners)
        : (0, 0);

    /// <summary>Of the member that has the most to add.</summary>
    private int MostBlocks(in Reduction reduction, int first, int count)
    {
        var most = 0;
        for (var owner = 0; owner < layout.Owners; owner++)
        {
            most = Math.Max(most, Blocks(SliceOf(reduction, owner, first, count).Count, reduction.Sum.Size));
        }

        return most;
    }

    private SharedTotal? SharedAt(nint address, int size)
    {
        foreach (var total in totals)
        {
            if (total.Holds(address))
            {
                return (address - total.Address) % size == 0 ? total : throw new ArgumentException("an element of the total lies on two pages");
            }
        }

        return null;
    }

    private (int First, int Count) BlockOf((int First, int Count) slice, int block, int size)
    {
        var elements = slices.BlockBytes / size;
        return (slice.First + (block * elements), Math.Min(elements, slice.Count - (block * elements)));
    }

    private int Blocks(int count, int size)
    {
        var elements = slices.BlockBytes / size;
        return (int)(((long)count + elements - 1) / elements);
    }
}
