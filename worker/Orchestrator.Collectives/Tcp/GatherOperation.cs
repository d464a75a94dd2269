namespace Orchestrator.Collectives.Tcp;

/// <summary>Everybody's bytes to everybody, each message with its own length.</summary>
internal sealed unsafe class GatherOperation(byte[][] results, byte* mine, int length, long sequence, int greatest) : Operation
{
    public override Next NextSend(PeerLink link, out Segment segment)
    {
        segment = default;
        switch (link.SendStage++)
        {
            case 0:
                new MessageHeader(MessageKind.Gather, sequence, length, 0).Write(new Span<byte>(link.SendHeader, MessageHeader.Size));
                segment = new Segment(link.SendHeader, MessageHeader.Size);
                return Next.Segment;
            case 1:
                segment = new Segment(mine, length);
                return Next.Segment;
            default:
                return Next.Done;
        }
    }

    public override Next NextReceive(PeerLink link, out Segment segment)
    {
        segment = default;
        switch (link.ReceiveStage++)
        {
            case 0:
                segment = new Segment(link.ReceiveHeader, MessageHeader.Size);
                return Next.Segment;
            case 1:
                var due = link.TakeHeader(MessageKind.Gather, sequence, -1, 0);
                if (due < 0 || due > greatest)
                {
                    throw new CollectiveException(
                        CollectiveFailure.Protocol, link.Rank, $"Rank {link.Rank} sends {due} bytes to a gather; {greatest} is the most.");
                }

                var bytes = GC.AllocateUninitializedArray<byte>((int)due, pinned: true);
                results[link.Rank] = bytes;
                fixed (byte* first = bytes)
                {
                    segment = new Segment(first, due);
                }

                return Next.Segment;
            default:
                return Next.Done;
        }
    }
}
