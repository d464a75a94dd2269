using System.Net;
using System.Net.Sockets;

namespace Orchestrator.Collectives.Tests;

/// <summary>
/// Stands between a rank and those that it dials. Once so many of its bytes have passed, on all connections together, it cuts them all
/// (the rank is dead to its peers), or passes nothing on any more (it is frozen).
/// </summary>
internal sealed class FaultyWire(long bytes, bool cuts) : IDisposable
{
    private readonly List<TcpListener> listeners = [];
    private readonly List<Socket> sockets = [];
    private readonly List<Thread> threads = [];
    private readonly List<byte> recorded = [];
    private readonly Lock gate = new();
    private readonly ManualResetEventSlim frozen = new();
    private long left = bytes;
    private bool disposed;

    /// <summary>What the dialing rank has sent so far.</summary>
    public byte[] Recorded
    {
        get
        {
            lock (gate)
            {
                return [.. recorded];
            }
        }
    }

    /// <summary>The address to dial instead.</summary>
    public string Between(string target)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        lock (gate)
        {
            listeners.Add(listener);
        }

        Start(() =>
        {
            var near = Keep(listener.AcceptSocket());
            var far = Keep(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            far.Connect(IPEndPoint.Parse(target));
            Start(() => Pump(near, far, counted: true));
            Start(() => Pump(far, near, counted: false));
        });
        return Gang.AddressOf(listener);
    }

    public void Dispose()
    {
        frozen.Set();
        lock (gate)
        {
            disposed = true;
            listeners.ForEach(listener => listener.Dispose());
            sockets.ForEach(socket => socket.Dispose());
        }

        foreach (var thread in Snapshot())
        {
            thread.Join();
        }

        frozen.Dispose();
    }

    private Thread[] Snapshot()
    {
        lock (gate)
        {
            return [.. threads];
        }
    }

    private Socket Keep(Socket socket)
    {
        lock (gate)
        {
            sockets.Add(socket);
            ObjectDisposedException.ThrowIf(disposed, this);
        }

        return socket;
    }

    private void Start(Action action)
    {
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // One end is gone.
            }
        });
        lock (gate)
        {
            if (!disposed)
            {
                threads.Add(thread);
                thread.Start();
            }
        }
    }

    private void Pump(Socket from, Socket to, bool counted)
    {
        var buffer = new byte[4096];
        while (from.Receive(buffer) is > 0 and var received)
        {
            var passed = counted ? Take(buffer.AsSpan(0, received)) : received;
            for (var sent = 0; sent < passed;)
            {
                sent += to.Send(buffer, sent, passed - sent, SocketFlags.None);
            }

            if (passed < received && cuts)
            {
                lock (gate)
                {
                    sockets.ForEach(socket => socket.Dispose());
                }
            }
            else if (passed < received)
            {
                frozen.Wait();
                return;
            }
        }

        to.Shutdown(SocketShutdown.Send);
    }

    private int Take(ReadOnlySpan<byte> passing)
    {
        lock (gate)
        {
            var passed = (int)Math.Min(left, passing.Length);
            left -= passed;
            recorded.AddRange(passing[..passed]);
            return passed;
        }
    }
}
