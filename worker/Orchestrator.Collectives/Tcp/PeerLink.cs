using System.Net.Sockets;

namespace Orchestrator.Collectives.Tcp;

/// <summary>The connection to one peer, and how far the operation under way has come on it.</summary>
internal sealed unsafe class PeerLink : IDisposable
{
    private const int StagingLength = 16 << 10;

    /// <summary>Stretches up to this length are copied together: one packet instead of three.</summary>
    private const int CopiedLength = 8 << 10;

    private const int GreatestCall = 1 << 20;

    /// <summary>Bytes one way before it is the other way's turn: what is under way stays small enough to be in the caches still.</summary>
    private const int Turn = 1 << 20;

    private readonly byte[] staging = GC.AllocateUninitializedArray<byte>(StagingLength, pinned: true);
    private readonly byte[] headers = GC.AllocateUninitializedArray<byte>(2 * MessageHeader.Size, pinned: true);
    private Stretch outgoing;
    private Stretch incoming;
    private Next sending = Next.Done;
    private Next receiving = Next.Done;
    private int staged;
    private int flushed;

    /// <param name="socket">Connected, not blocking.</param>
    public PeerLink(int rank, Socket socket)
    {
        Rank = rank;
        Member = rank;
        Socket = socket;
        File = (int)socket.SafeHandle.DangerousGetHandle();
        fixed (byte* first = headers)
        {
            SendHeader = first;
            ReceiveHeader = first + MessageHeader.Size;
        }
    }

    public int Rank { get; }

    /// <summary>The peer's number among those who sum: its rank, or its host's number.</summary>
    public int Member { get; set; }

    public Socket Socket { get; }

    /// <summary>The file descriptor, for poll.</summary>
    public int File { get; }

    /// <summary>Room for a header; pinned.</summary>
    public byte* SendHeader { get; }

    /// <summary>Room for a header; pinned.</summary>
    public byte* ReceiveHeader { get; }

    /// <summary>All bytes that went to the peer after the handshake.</summary>
    public long TotalSent { get; private set; }

    /// <summary>All messages, each of a header and what follows it, that were begun.</summary>
    public long MessagesSent { get; set; }

    /// <summary>Counted by the operation.</summary>
    public int SendStage { get; set; }

    /// <summary>Counted by the operation. The peer with the lowest is behind the others and is blamed for silence.</summary>
    public int ReceiveStage { get; set; }

    /// <summary>Counted by the operation.</summary>
    public long Sent { get; set; }

    /// <summary>Counted by the operation.</summary>
    public long Received { get; set; }

    /// <summary>Nothing of a message has left that is not whole: another message may follow.</summary>
    public bool AtMessageEnd { get; set; } = true;

    public bool SendDone => sending == Next.Done && staged == 0;

    public bool ReceiveDone => receiving == Next.Done;

    /// <summary>What to wait for before going on. A peer can't be done before it has our bytes: if it hangs up before, it is
    /// gone.</summary>
    public PollEvents Wanted =>
        (SendDone ? PollEvents.None : PollEvents.ReadHangUp)
        | (outgoing.Length > 0 || staged > 0 ? PollEvents.Out : PollEvents.None)
        | (incoming.Length > 0 ? PollEvents.In : PollEvents.None);

    public void Begin()
    {
        (SendStage, ReceiveStage, Sent, Received) = (0, 0, 0, 0);
        (sending, receiving) = (Next.Wait, Next.Wait);
        (outgoing, incoming) = (default, default);
        (staged, flushed) = (0, 0);
    }

    /// <summary>Sends as much as goes without waiting, up to a turn.</summary>
    /// <returns>Whether any byte moved, or the operation went on.</returns>
    public bool Send(Operation operation)
    {
        var progress = false;
        var turn = 0;
        while (!SendDone && turn < Turn)
        {
            progress |= Fill(operation);
            var copied = staged > 0;
            var bytes = copied
                ? staging.AsSpan(flushed, staged - flushed)
                : new ReadOnlySpan<byte>(outgoing.Start, (int)Math.Min(outgoing.Length, GreatestCall));
            if (bytes.IsEmpty)
            {
                break;
            }

            AtMessageEnd = false;
            var sent = Socket.Send(bytes, SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
            {
                return progress;
            }

            Check(error);
            progress = true;
            TotalSent += sent;
            turn += sent;
            if (!copied)
            {
                outgoing = new Stretch(outgoing.Start + sent, outgoing.Length - sent);
            }
            else if ((flushed += sent) == staged)
            {
                (staged, flushed) = (0, 0);
            }
        }

        AtMessageEnd |= SendDone;
        return progress;
    }

    /// <summary>Receives as much as there is, up to a turn.</summary>
    /// <returns>Whether any byte moved, or the operation went on.</returns>
    public bool Receive(Operation operation)
    {
        var progress = false;
        for (var turn = 0; turn < Turn;)
        {
            while (incoming.Length == 0)
            {
                if (ReceiveDone || (receiving = operation.NextReceive(this, out incoming)) == Next.Wait)
                {
                    return progress;
                }

                progress = true;
            }

            var received = Socket.Receive(
                new Span<byte>(incoming.Start, (int)Math.Min(incoming.Length, GreatestCall)), SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
            {
                return progress;
            }

            Check(error);
            if (received == 0)
            {
                throw Lost(null);
            }

            progress = true;
            turn += received;
            incoming = new Stretch(incoming.Start + received, incoming.Length - received);
        }

        return progress;
    }

    /// <summary>A header that has come: as it is due, or the end of the generation.</summary>
    /// <returns>Its length.</returns>
    /// <param name="length">Negative: any.</param>
    public long TakeHeader(MessageKind kind, long sequence, long length, int detail)
    {
        var read = MessageHeader.Read(new ReadOnlySpan<byte>(ReceiveHeader, MessageHeader.Size));
        if (read is { Kind: MessageKind.Abort } abort)
        {
            throw Aborted(abort);
        }

        return read is { } header
            && header.Kind == kind
            && header.Sequence == sequence
            && header.Detail == detail
            && (header.Length == length || length < 0)
            ? header.Length
            : throw new CollectiveException(
                CollectiveFailure.Protocol,
                Rank,
                $"Rank {Rank} is doing something else: {read} instead of {kind} {sequence} of {length}, dtype {detail}.");
    }

    /// <summary>The peer hung up while it still needed our bytes: says what it left as the reason.</summary>
    public CollectiveException LastWords()
    {
        var header = new Span<byte>(ReceiveHeader, MessageHeader.Size);
        var received = ReceiveDone ? Socket.Receive(header, SocketFlags.None, out _) : 0;
        return received == MessageHeader.Size && MessageHeader.Read(header) is { Kind: MessageKind.Abort } abort
            ? Aborted(abort)
            : Lost(null);
    }

    public CollectiveException Lost(Exception? inner) =>
        new(CollectiveFailure.PeerLost, Rank, $"Rank {Rank} is gone: its connection ended.", inner);

    /// <summary>Says why this rank gives up, where the stream allows it, and that nothing more follows. The connection stays open, or
    /// what the peer has not read yet would be lost.</summary>
    public void Abort(CollectiveFailure failure, int culprit)
    {
        try
        {
            if (AtMessageEnd && staged == 0 && outgoing.Length == 0)
            {
                var header = new Span<byte>(SendHeader, MessageHeader.Size);
                new MessageHeader(MessageKind.Abort, 0, (long)failure, culprit).Write(header);
                Socket.Send(header, SocketFlags.None, out _);
            }

            Socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // It is gone already: nobody to tell.
        }
    }

    public void Dispose() => Socket.Dispose();

    /// <summary>Takes the next stretches: small ones into the staging buffer, up to the first large one.</summary>
    private bool Fill(Operation operation)
    {
        var progress = false;
        while (flushed == 0)
        {
            if (outgoing.Length == 0)
            {
                if (sending == Next.Done || (sending = operation.NextSend(this, out outgoing)) != Next.Stretch)
                {
                    break;
                }

                progress = true;
            }

            if (outgoing.Length > CopiedLength || staged + outgoing.Length > StagingLength)
            {
                break;
            }

            new ReadOnlySpan<byte>(outgoing.Start, (int)outgoing.Length).CopyTo(staging.AsSpan(staged));
            staged += (int)outgoing.Length;
            outgoing = default;
        }

        return progress;
    }

    private CollectiveException Aborted(MessageHeader abort) =>
        Enum.IsDefined((CollectiveFailure)abort.Length) && abort.Detail >= 0 && (CollectiveFailure)abort.Length != CollectiveFailure.Closed
            ? new CollectiveException((CollectiveFailure)abort.Length, abort.Detail, $"Rank {Rank} gave up because of rank {abort.Detail}.")
            : Lost(null);

    private void Check(SocketError error)
    {
        if (error != SocketError.Success)
        {
            throw Lost(new SocketException((int)error));
        }
    }
}
