namespace Orchestrator.Collectives.Tcp;

/// <summary>
/// The root's bytes along the chain root, root + 1, ..., root - 1: every rank passes on what has come while the rest still comes, so that
/// no link carries them twice and nobody sends them to more than one.
/// </summary>
internal sealed unsafe class BroadcastOperation(int root, int rank, int worldSize, byte* bytes, long length, long sequence) : Operation
{
    private const long BlockBytes = 1 << 20;

    private readonly int next = (rank + 1) % worldSize;
    private readonly int previous = (rank + worldSize - 1) % worldSize;
    private long here = rank == root ? length : 0;

    public override Next NextSend(PeerLink link, out Stretch stretch)
    {
        stretch = default;
        if (link.Rank != next || next == root)
        {
            return Next.Done;
        }

        if (link.SendStage == 0)
        {
            link.SendStage = 1;
            new MessageHeader(MessageKind.Broadcast, sequence, length, root).Write(new Span<byte>(link.SendHeader, MessageHeader.Size));
            stretch = new Stretch(link.SendHeader, MessageHeader.Size);
            return Next.Stretch;
        }

        if (link.Sent == here)
        {
            return here == length ? Next.Done : Next.Wait;
        }

        stretch = new Stretch(bytes + link.Sent, here - link.Sent);
        link.Sent = here;
        return Next.Stretch;
    }

    public override Next NextReceive(PeerLink link, out Stretch stretch)
    {
        stretch = default;
        if (link.Rank != previous || rank == root)
        {
            return Next.Done;
        }

        switch (link.ReceiveStage)
        {
            case 0:
                link.ReceiveStage = 1;
                stretch = new Stretch(link.ReceiveHeader, MessageHeader.Size);
                return Next.Stretch;
            case 1:
                link.TakeHeader(MessageKind.Broadcast, sequence, length, root);
                link.ReceiveStage = 2;
                break;
        }

        here = link.Received;
        if (here == length)
        {
            return Next.Done;
        }

        link.Received = Math.Min(length, here + BlockBytes);
        stretch = new Stretch(bytes + here, link.Received - here);
        return Next.Stretch;
    }
}
