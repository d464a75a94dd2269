using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Orchestrator.Collectives.Tests;

/// <summary>Two ends of a connection in a network of their own, which is cut and mended; the exit code says what went wrong.</summary>
internal static class HearingProgram
{
    public const int Well = 0;
    public const int HeardNothingWhileAllWasWell = 1;
    public const int DidNotNoticeTheCut = 2;
    public const int DidNotNoticeTheMend = 3;

    public static int Run()
    {
        Set("up");
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var near = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        near.Connect(listener.LocalEndPoint!);
        using var far = listener.Accept();
        var (mine, theirs) = (new PeerHearing(), new PeerHearing());
        mine.Listen(1, near);
        theirs.Listen(0, far);

        // The one way carries nothing; the other is full of what nobody reads.
        near.Blocking = false;
        var bytes = new byte[1 << 16];
        while (near.Send(bytes, SocketFlags.None, out _) > 0)
        {
        }

        if (Becomes(() => mine.Unheard().Count + theirs.Unheard().Count > 0, TimeSpan.FromSeconds(4)))
        {
            return HeardNothingWhileAllWasWell;
        }

        Set("down");
        if (!Becomes(() => mine.Unheard() is [1] && theirs.Unheard() is [0], TimeSpan.FromSeconds(30)))
        {
            return DidNotNoticeTheCut;
        }

        Set("up");
        return Becomes(() => mine.Unheard().Count + theirs.Unheard().Count == 0, TimeSpan.FromSeconds(60)) ? Well : DidNotNoticeTheMend;
    }

    private static bool Becomes(Func<bool> condition, TimeSpan patience)
    {
        for (var began = Stopwatch.GetTimestamp(); !condition(); Thread.Sleep(50))
        {
            if (Stopwatch.GetElapsedTime(began) > patience)
            {
                return false;
            }
        }

        return true;
    }

    private static void Set(string state)
    {
        using var link = Process.Start("ip", ["link", "set", "lo", state]);
        link.WaitForExit();
        if (link.ExitCode != 0)
        {
            throw new InvalidOperationException($"ip link set lo {state} ended with {link.ExitCode}");
        }
    }
}
