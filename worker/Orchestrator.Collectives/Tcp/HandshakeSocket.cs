using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Orchestrator.Collectives.Tcp;

/// <summary>
/// Exact reads and writes on a non-blocking socket, within a deadline. Blocks its thread: no asynchronous call may ever touch a data
/// socket, or the runtime's event loop would wake for each of its packets.
/// </summary>
internal readonly struct HandshakeSocket(Socket socket, int peer, long startedAt, TimeSpan deadline, CancellationToken cancellationToken)
{
    /// <summary>How late a cancellation may be seen.</summary>
    private const int SliceMilliseconds = 25;

    public static Socket Create(AddressFamily family) => Prepare(new Socket(family, SocketType.Stream, ProtocolType.Tcp));

    public static Socket Prepare(Socket socket)
    {
        socket.Blocking = false;
        socket.NoDelay = true;
        return socket;
    }

    public void Connect(IPEndPoint endPoint)
    {
        try
        {
            socket.Connect(endPoint);
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            Wait(PollEvents.Out);
            var result = (int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;
            if (result != 0)
            {
                throw new SocketException(result);
            }
        }
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var sent = socket.Send(bytes, SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
            {
                Wait(PollEvents.Out);
                continue;
            }

            Check(error);
            bytes = bytes[sent..];
        }
    }

    public byte[] Receive(int length)
    {
        var bytes = new byte[length];
        for (var received = 0; received < length;)
        {
            var count = socket.Receive(bytes.AsSpan(received), SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
            {
                Wait(PollEvents.In);
                continue;
            }

            Check(error);
            received += count > 0 ? count : throw new SocketException((int)SocketError.ConnectionReset);
        }

        return bytes;
    }

    private static void Check(SocketError error)
    {
        if (error != SocketError.Success)
        {
            throw new SocketException((int)error);
        }
    }

    private void Wait(PollEvents events)
    {
        Span<PollDescriptor> descriptor = [new PollDescriptor { File = (int)socket.SafeHandle.DangerousGetHandle(), Wanted = events }];
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Stopwatch.GetElapsedTime(startedAt) >= deadline)
            {
                throw new CollectiveException(
                    CollectiveFailure.TimedOut, peer, $"Rank {peer} did not finish the handshake within {deadline.TotalSeconds:0.###} s.");
            }
        }
        while (!Native.Poll(descriptor, SliceMilliseconds));
    }
}
