using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;

namespace Orchestrator.Collectives;

/// <summary>
/// Which peers' machines answer, as the kernel knows by the acknowledgements on the connections to them, whatever the peers' processes are doing: idle connections are probed every second, and what was sent is
/// sent again. A cut of either direction shows on both sides. Asked from any thread.
/// </summary>
public sealed class PeerHearing
{
    /// <summary>Without an answer for longer than this a machine is not heard.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(1.5);

    private const int ProbeSeconds = 1;

    /// <summary>A connection that nobody answers on ends by itself in the end; those who decide about the gang are faster.</summary>
    private const int MostProbes = 60;

    // struct tcp_info of linux/tcp.h.
    private const int TcpLevel = 6;
    private const int TcpInfo = 11;
    private const int StateOffset = 0;
    private const int RetransmitsOffset = 2;
    private const int ProbesOffset = 3;
    private const int LastAcknowledgedOffset = 56;
    private const int InfoLength = 60;
    private const byte Established = 1;
    private const byte Dialling = 2;

    private readonly ConcurrentDictionary<int, (Socket Socket, long Since)> connections = new();
    private readonly ConcurrentDictionary<int, bool> unreachable = new();

    /// <summary>In ascending order.</summary>
    public IReadOnlyList<int> Unheard() =>
        [.. connections.Where(peer => IsSilent(peer.Value.Socket, peer.Value.Since)).Select(peer => peer.Key).Union(unreachable.Keys).Order()];

    internal void Listen(int rank, Socket socket)
    {
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, ProbeSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, ProbeSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, MostProbes);
        connections[rank] = (socket, Stopwatch.GetTimestamp());
    }

    /// <summary>A connection to the rank failed so.</summary>
    internal void Failed(int rank, SocketError error)
    {
        if (error is SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.NetworkDown or SocketError.TimedOut)
        {
            unreachable[rank] = true;
        }
    }

    private static bool IsSilent(Socket socket, long since)
    {
        Span<byte> state = stackalloc byte[InfoLength];
        try
        {
            if (socket.GetRawSocketOption(TcpLevel, TcpInfo, state) < InfoLength)
            {
                return false;
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // It has ended.
            return false;
        }

        var (retransmits, probes) = (state[RetransmitsOffset], state[ProbesOffset]);
        var acknowledged = TimeSpan.FromMilliseconds(BinaryPrimitives.ReadUInt32LittleEndian(state[LastAcknowledgedOffset..]));
        return state[StateOffset] switch
        {
            Established => acknowledged > Limit && (retransmits > 1 || probes > 0),
            Dialling => Stopwatch.GetElapsedTime(since) > Limit && retransmits > 0,
            _ => false,
        };
    }
}
