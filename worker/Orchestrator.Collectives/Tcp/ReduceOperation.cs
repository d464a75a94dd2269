namespace Orchestrator.Collectives.Tcp;

/// <summary>
/// The ordered all-reduce. Every rank owns a chunk of the elements: it receives the others' rows of that chunk, block by block, adds each
/// block along the tree as soon as all have sent it, and sends the
/// sum to all. A short sum takes one round instead: all send all their rows to all and add for themselves, with the same bits.
/// </summary>
internal sealed unsafe class ReduceOperation : Operation
{
    /// <summary>The more at once, the fewer times a rank sleeps and wakes; what is received ahead is bounded all the same.</summary>
    private const int GreatestBlockBytes = 1 << 20;
    private const int LeastBlockBytes = 64 << 10;
    private const int ScratchBytes = 16 << 20;

    /// <summary>Blocks that a fast peer may be ahead of the slowest.</summary>
    private const int Slots = 4;

    private const int OneRoundBytes = 32 << 10;

    private const int ShortBytes = 128 << 10;

    /// <summary>What a rank may send at most to save a round.</summary>
    private const int OneRoundTotalBytes = 128 << 10;

    /// <summary>Chunks begin at multiples of this many elements: whole cache lines.</summary>
    private const int ChunkAlignment = 16;

    private readonly int me;
    private readonly int[] rows;
    private readonly int[] blocksReceived;
    private readonly TreeProgram program;
    private readonly nint[] operands;
    private readonly int blockBytes;
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
        : this([.. Enumerable.Range(0, plan.WorldSize).Select(plan.OwnedNodes)], new TreeNode(0, plan.Shards), rank)
    {
    }

    /// <param name="owned">By member: the nodes whose sums it sends, a row for each.</param>
    /// <param name="me">This side's member; the links know the others'.</param>
    public ReduceOperation(IReadOnlyList<TreeNode>[] owned, TreeNode root, int me)
    {
        this.me = me;
        program = new TreeProgram(owned, root);
        rows = [.. owned.Select(nodes => nodes.Count)];
        blocksReceived = new int[rows.Length];
        operands = new nint[program.Leaves + program.Temporaries];
        blockBytes = Math.Clamp(ScratchBytes / (program.Leaves * Slots) / LeastBlockBytes * LeastBlockBytes, LeastBlockBytes, GreatestBlockBytes);
        var blocks = (long)program.Leaves * Slots * blockBytes;
        scratch = GC.AllocateUninitializedArray<byte>(
            checked((int)(blocks + ((long)program.Temporaries * ElementwiseSum.TileBytes))), pinned: true);
        fixed (byte* first = scratch)
        {
            scratchStart = first;
        }

        for (var temporary = 0; temporary < program.Temporaries; temporary++)
        {
            operands[program.Leaves + temporary] = (nint)(scratchStart + blocks + ((long)temporary * ElementwiseSum.TileBytes));
        }
    }

    public override bool IsShort => (long)elements * sum.Size <= ShortBytes;

    private int Rows => rows[me];

    public void Begin(in Reduction reduction, long sequence)
    {
        sum = reduction.Sum;
        partials = (byte*)reduction.Partials;
        stride = reduction.Stride;
        total = (byte*)reduction.Total;
        elements = reduction.Elements;
        this.sequence = sequence;
        oneRound = IsOneRound((long)elements * sum.Size, rows.Length);
        blockElements = blockBytes / sum.Size;
        own = ChunkOf(me);
        ownBlocks = BlocksOf(own.Count);
        computed = 0;
        ready = 0;
        for (var peer = 0; peer < rows.Length; peer++)
        {
            blocksReceived[peer] = peer == me || rows[peer] == 0 ? int.MaxValue : 0;
        }

        // Only where no peer has anything to add.
        AddBlocks();
    }

    public override Next NextSend(PeerLink link, out Stretch stretch)
    {
        stretch = default;
        switch (link.SendStage)
        {
            case 0:
                stretch = Header(link, MessageKind.Partials);
                link.SendStage = 1;
                return Next.Stretch;
            case 1:
                var chunk = ChunkOf(link.Member);
                if (link.Sent < (long)BlocksOf(chunk.Count) * Rows)
                {
                    var (block, row) = ((int)(link.Sent / Rows), (int)(link.Sent % Rows));
                    stretch = Block(partials + (row * stride) + ((long)chunk.First * sum.Size), chunk.Count, block);
                    link.Sent++;
                    return Next.Stretch;
                }

                link.Sent = 0;
                link.SendStage = oneRound ? 4 : 2;
                return NextSend(link, out stretch);
            case 2:
                if (ready == 0 && own.Count > 0)
                {
                    link.AtMessageEnd = true;
                    return Next.Wait;
                }

                stretch = Header(link, MessageKind.Total);
                link.SendStage = 3;
                return Next.Stretch;
            case 3 when link.Sent < ready:
                stretch = new Stretch(total + ((own.First + link.Sent) * sum.Size), (ready - link.Sent) * sum.Size);
                link.Sent = ready;
                return Next.Stretch;
            case 3 when ready < own.Count:
                return Next.Wait;
            default:
                return Next.Done;
        }
    }

    public override Next NextReceive(PeerLink link, out Stretch stretch)
    {
        stretch = default;
        switch (link.ReceiveStage)
        {
            case 0:
                stretch = new Stretch(link.ReceiveHeader, MessageHeader.Size);
                link.ReceiveStage = 1;
                return Next.Stretch;
            case 1:
                link.TakeHeader(MessageKind.Partials, sequence, elements, sum.Dtype);
                link.ReceiveStage = 2;
                return NextReceive(link, out stretch);
            case 2:
                return NextPartial(link, out stretch);
            case 3:
                stretch = new Stretch(link.ReceiveHeader, MessageHeader.Size);
                link.ReceiveStage = 4;
                return Next.Stretch;
            case 4:
                link.TakeHeader(MessageKind.Total, sequence, elements, sum.Dtype);
                link.ReceiveStage = 5;
                var chunk = ChunkOf(link.Member);
                stretch = new Stretch(total + ((long)chunk.First * sum.Size), (long)chunk.Count * sum.Size);
                return Next.Stretch;
            default:
                return Next.Done;
        }
    }

    private Next NextPartial(PeerLink link, out Stretch stretch)
    {
        stretch = default;
        var peerRows = rows[link.Member];
        if (peerRows > 0)
        {
            // Asked for the next stretch, the ones before are here.
            var whole = (int)(link.Received / peerRows);
            if (whole > blocksReceived[link.Member])
            {
                blocksReceived[link.Member] = whole;
                AddBlocks();
            }

            if (link.Received < (long)ownBlocks * peerRows)
            {
                if (whole >= computed + Slots)
                {
                    return Next.Wait;
                }

                var leaf = program.FirstLeaf[link.Member] + (int)(link.Received % peerRows);
                stretch = new Stretch(Slot(leaf, whole), Block(scratchStart, own.Count, whole).Length);
                link.Received++;
                return Next.Stretch;
            }
        }

        link.ReceiveStage = oneRound ? 6 : 3;
        return NextReceive(link, out stretch);
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
                    operands[leaf] = (nint)(peer == me ? partials + (row * stride) + ((long)first * sum.Size) : Slot(leaf, computed));
                }
            }

            sum.Run(program, operands, total + ((long)first * sum.Size), count);
            computed++;
            ready += count;
        }
    }

    private byte* Slot(int leaf, int block) => scratchStart + ((((long)leaf * Slots) + (block % Slots)) * blockBytes);

    private Stretch Block(byte* chunk, int count, int block)
    {
        var first = block * blockElements;
        return new Stretch(chunk + ((long)first * sum.Size), (long)Math.Min(blockElements, count - first) * sum.Size);
    }

    private (int First, int Count) ChunkOf(int owner)
    {
        if (oneRound)
        {
            return (0, elements);
        }

        return Share(elements, owner, rows.Length);
    }

    /// <summary>Whether all send all their rows to all, once.</summary>
    public static bool IsOneRound(long bytes, int members) => bytes <= OneRoundBytes && bytes * (members - 1) <= OneRoundTotalBytes;

    /// <summary>The elements that an owner adds: as even as whole cache lines allow.</summary>
    public static (int First, int Count) Share(int elements, int owner, int owners)
    {
        var even = (elements + owners - 1L) / owners;
        var aligned = (even + ChunkAlignment - 1) / ChunkAlignment * ChunkAlignment;
        var first = (int)Math.Min(aligned * owner, elements);
        return (first, (int)Math.Min(aligned * (owner + 1), elements) - first);
    }

    private int BlocksOf(int count) => (int)(((long)count + blockElements - 1) / blockElements);

    private Stretch Header(PeerLink link, MessageKind kind)
    {
        link.MessagesSent++;
        new MessageHeader(kind, sequence, elements, sum.Dtype).Write(new Span<byte>(link.SendHeader, MessageHeader.Size));
        return new Stretch(link.SendHeader, MessageHeader.Size);
    }
}
