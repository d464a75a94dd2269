namespace Orchestrator.Collectives.Tcp;

/// <summary>Everybody's bytes to everybody, each message with its own length.</summary>
internal sealed unsafe class GatherOperation(byte[][] results, byte* mine, int length, long sequence, int greatest) : Operation
{
    public override Next NextSend(PeerLink link, out Stretch stretch)
    {
        stretch = default;
        switch (link.SendStage++)
        {
            case 0:
                new MessageHeader(MessageKind.Gather, sequence, length, 0).Write(new Span<byte>(link.SendHeader, MessageHeader.Size));
                stretch = new Stretch(link.SendHeader, MessageHeader.Size);
                return Next.Stretch;
            case 1:
                stretch = new Stretch(mine, length);
                return Next.Stretch;
            default:
                return Next.Done;
        }
    }

    public override Next NextReceive(PeerLink link, out Stretch stretch)
    {
        stretch = default;
        switch (link.ReceiveStage++)
        {
            case 0:
                stretch = new Stretch(link.ReceiveHeader, MessageHeader.Size);
                return Next.Stretch;
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
                    stretch = new Stretch(first, due);
                }

                return Next.Stretch;
            default:
                return Next.Done;
        }
    }
}
