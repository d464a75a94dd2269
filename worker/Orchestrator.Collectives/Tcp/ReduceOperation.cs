namespace Orchestrator.Collectives.Tcp;

/// <summary>
/// The ordered all-reduce. Every rank owns a chunk of the elements: it receives the others' rows of that chunk, block by block, adds each
/// block along the tree as soon as all have sent it, and sends the
/// sum to all. A short sum takes one round instead: all send all their rows to all and add for themselves, with the same bits.
/// </summary>
internal sealed unsafe class ReduceOperation : Operation
{
    private const int BlockBytes = 128 << 10;

    /// <summary>Blocks that a fast peer may be ahead of the slowest.</summary>
    private const int Slots = 4;

    private const int OneRoundBytes = 32 << 10;

    /// <summary>Chunks begin at multiples of this many elements: whole cache lines.</summary>
    private const int ChunkAlignment = 16;

    private readonly int rank;
    private readonly int[] rows;
    private readonly int[] blocksReceived;
    private readonly TreeProgram program;
    private readonly nint[] operands;
    private readonly byte[] scratch;
    private readonly byte* scratchStart;

    private ElementwiseSum sum = ElementwiseSum.Of<float>();
    private byte* partials;
    private byte* total;
    private long stride;
    private int elements;
    private long sequence;
    private bool oneRound;
    private int blockElements;
    private (int First, int Count) own;
    private int ownBlocks;
    private int computed;
    private int ready;

    public ReduceOperation(ShardPlan plan, int rank)
    {
        this.rank = rank;
        program = new TreeProgram(plan);
        rows = [.. plan.Ranges.Select((_, owner) => plan.OwnedNodes(owner).Count)];
        blocksReceived = new int[rows.Length];
        operands = new nint[program.Leaves + program.Temporaries];
        scratch = GC.AllocateUninitializedArray<byte>(checked(((program.Leaves * Slots) + program.Temporaries) * BlockBytes), pinned: true);
        fixed (byte* first = scratch)
        {
            scratchStart = first;
        }

        for (var temporary = 0; temporary < program.Temporaries; temporary++)
        {
            operands[program.Leaves + temporary] = (nint)(scratchStart + (((long)(program.Leaves * Slots) + temporary) * BlockBytes));
        }
    }

    private int Rows => rows[rank];

    public void Begin(in Reduction reduction, long sequence)
    {
        sum = reduction.Sum;
        partials = (byte*)reduction.Partials;
        stride = reduction.Stride;
        total = (byte*)reduction.Total;
        elements = reduction.Elements;
        this.sequence = sequence;
        oneRound = (long)elements * sum.Size <= OneRoundBytes;
        blockElements = BlockBytes / sum.Size;
        own = ChunkOf(rank);
        ownBlocks = BlocksOf(own.Count);
        computed = 0;
        ready = 0;
        for (var peer = 0; peer < rows.Length; peer++)
        {
            blocksReceived[peer] = peer == rank || rows[peer] == 0 ? int.MaxValue : 0;
        }

        // Only where no peer has anything to add.
        AddBlocks();
    }

    public override Next NextSend(PeerLink link, out Segment segment)
    {
        segment = default;
        switch (link.SendStage)
        {
            case 0:
                segment = Header(link, MessageKind.Partials);
                link.SendStage = 1;
                return Next.Segment;
            case 1:
                var chunk = ChunkOf(link.Rank);
                if (link.Sent < (long)BlocksOf(chunk.Count) * Rows)
                {
                    var (block, row) = ((int)(link.Sent / Rows), (int)(link.Sent % Rows));
                    segment = Block(partials + (row * stride) + ((long)chunk.First * sum.Size), chunk.Count, block);
                    link.Sent++;
                    return Next.Segment;
                }

                link.Sent = 0;
                link.SendStage = oneRound ? 4 : 2;
                return NextSend(link, out segment);
            case 2:
                if (ready == 0 && own.Count > 0)
                {
                    link.AtMessageEnd = true;
                    return Next.Wait;
                }

                segment = Header(link, MessageKind.Total);
                link.SendStage = 3;
                return Next.Segment;
            case 3 when link.Sent < ready:
                segment = new Segment(total + ((own.First + link.Sent) * sum.Size), (ready - link.Sent) * sum.Size);
                link.Sent = ready;
                return Next.Segment;
            case 3 when ready < own.Count:
                return Next.Wait;
            default:
                return Next.Done;
        }
    }

    public override Next NextReceive(PeerLink link, out Segment segment)
    {
        segment = default;
        switch (link.ReceiveStage)
        {
            case 0:
                segment = new Segment(link.ReceiveHeader, MessageHeader.Size);
                link.ReceiveStage = 1;
                return Next.Segment;
            case 1:
                link.TakeHeader(MessageKind.Partials, sequence, elements, sum.Dtype);
                link.ReceiveStage = 2;
                return NextReceive(link, out segment);
            case 2:
                return NextPartial(link, out segment);
            case 3:
                segment = new Segment(link.ReceiveHeader, MessageHeader.Size);
                link.ReceiveStage = 4;
                return Next.Segment;
            case 4:
                link.TakeHeader(MessageKind.Total, sequence, elements, sum.Dtype);
                link.ReceiveStage = 5;
                var chunk = ChunkOf(link.Rank);
                segment = new Segment(total + ((long)chunk.First * sum.Size), (long)chunk.Count * sum.Size);
                return Next.Segment;
            default:
                return Next.Done;
        }
    }

    private Next NextPartial(PeerLink link, out Segment segment)
    {
        segment = default;
        var peerRows = rows[link.Rank];
        if (peerRows > 0)
        {
            // Asked for the next segment, the ones before are here.
            var whole = (int)(link.Received / peerRows);
            if (whole > blocksReceived[link.Rank])
            {
                blocksReceived[link.Rank] = whole;
                AddBlocks();
            }

            if (link.Received < (long)ownBlocks * peerRows)
            {
                if (whole >= computed + Slots)
                {
                    return Next.Wait;
                }

                var leaf = program.FirstLeaf[link.Rank] + (int)(link.Received % peerRows);
                segment = new Segment(Slot(leaf, whole), Block(scratchStart, own.Count, whole).Length);
                link.Received++;
                return Next.Segment;
            }
        }

        link.ReceiveStage = oneRound ? 6 : 3;
        return NextReceive(link, out segment);
    }

    /// <summary>Adds every block that all peers have sent.</summary>
    private void AddBlocks()
    {
        while (computed < ownBlocks && blocksReceived.AsSpan().IndexOfAnyInRange(0, computed) < 0)
        {
            var first = own.First + (computed * blockElements);
            var count = Math.Min(blockElements, own.Count - (computed * blockElements));
            for (var peer = 0; peer < rows.Length; peer++)
            {
                for (var row = 0; row < rows[peer]; row++)
                {
                    var leaf = program.FirstLeaf[peer] + row;
                    operands[leaf] = (nint)(peer == rank ? partials + (row * stride) + ((long)first * sum.Size) : Slot(leaf, computed));
                }
            }

            sum.Run(program, operands, total + ((long)first * sum.Size), count);
            computed++;
            ready += count;
        }
    }

    private byte* Slot(int leaf, int block) => scratchStart + ((((long)leaf * Slots) + (block % Slots)) * BlockBytes);

    private Segment Block(byte* chunk, int count, int block)
    {
        var first = block * blockElements;
        return new Segment(chunk + ((long)first * sum.Size), (long)Math.Min(blockElements, count - first) * sum.Size);
    }

    private (int First, int Count) ChunkOf(int owner)
    {
        if (oneRound)
        {
            return (0, elements);
        }

        var even = (elements + rows.Length - 1L) / rows.Length;
        var aligned = (even + ChunkAlignment - 1) / ChunkAlignment * ChunkAlignment;
        var first = (int)Math.Min(aligned * owner, elements);
        return (first, (int)Math.Min(aligned * (owner + 1), elements) - first);
    }

    private int BlocksOf(int count) => (int)(((long)count + blockElements - 1) / blockElements);

    private Segment Header(PeerLink link, MessageKind kind)
    {
        new MessageHeader(kind, sequence, elements, sum.Dtype).Write(new Span<byte>(link.SendHeader, MessageHeader.Size));
        return new Segment(link.SendHeader, MessageHeader.Size);
    }
}
