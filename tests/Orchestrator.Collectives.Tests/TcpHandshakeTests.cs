using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Orchestrator.Collectives.Tcp;

namespace Orchestrator.Collectives.Tests;

/// <summary>Who gets in, and who does not.</summary>
public sealed class TcpHandshakeTests
{
    private static readonly ShardPlan Pair = ShardPlan.Even(2, 2);
    private static readonly byte[] Key = RandomNumberGenerator.GetBytes(32);

    /// <summary>Until those who wait for somebody better than who came give up; long enough for whoever comes to be heard on a busy machine.</summary>
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task A_wrong_key_is_refused_on_both_sides()
    {
        var failures = await MeetAsync((Key, Pair), (RandomNumberGenerator.GetBytes(32), Pair));
        Assert.Equal((CollectiveFailure.Refused, 1), (failures[0]?.Failure, failures[0]?.Peer));
        Assert.Equal((CollectiveFailure.Refused, 0), (failures[1]?.Failure, failures[1]?.Peer));
    }

    [Fact]
    public async Task Another_plan_is_a_breach_of_protocol()
    {
        var failures = await MeetAsync((Key, Pair), (Key, ShardPlan.Even(3, 2)));
        Assert.Equal([CollectiveFailure.Protocol, CollectiveFailure.Protocol], failures.Select(failure => failure?.Failure));
    }

    [Fact]
    public async Task A_recorded_handshake_does_not_get_in_again()
    {
        using var wire = new FaultyWire(long.MaxValue, cuts: true);
        await using (var first = await PairAsync(between: wire.Between))
        {
            first.Each(collective => collective.AllGather([1]));
        }

        var recorded = wire.Recorded[..(Handshake.HelloLength + Handshake.ProofLength)];
        using var listener = TcpCollective.Listen("127.0.0.1");
        var meeting = ConnectAsync(listener, 0, [Gang.AddressOf(listener), "127.0.0.1:1"], Key, Pair, Short);
        using var replay = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        replay.Connect((IPEndPoint)listener.LocalEndpoint);
        replay.Send(recorded);
        var error = await Assert.ThrowsAsync<CollectiveException>(() => meeting);
        Assert.Equal((CollectiveFailure.Refused, 1), (error.Failure, error.Peer));
    }

    [Fact]
    public async Task Strangers_delay_nobody()
    {
        var strangers = new List<Socket>();
        await using (var gang = await PairAsync(between: target =>
        {
            for (var stranger = 0; stranger < 10; stranger++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Connect(IPEndPoint.Parse(target));
                strangers.Add(socket);

                // Some talk nonsense, the others say nothing at all.
                if (stranger % 2 == 0)
                {
                    socket.Send(RandomNumberGenerator.GetBytes(200));
                }
            }

            return target;
        }))
        {
            gang.Each(collective => Assert.Equal([[0], [1]], collective.AllGather([(byte)collective.Rank])));
        }

        strangers.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task A_peer_that_nobody_listens_for_is_lost()
    {
        using var listener = TcpCollective.Listen("localhost");
        var gone = TcpCollective.Listen("localhost");
        var address = Gang.AddressOf(gone);
        gone.Dispose();
        var error = await Assert.ThrowsAsync<CollectiveException>(
            () => ConnectAsync(listener, 1, [address, Gang.AddressOf(listener)], Key, Pair));
        Assert.Equal((CollectiveFailure.PeerLost, 0), (error.Failure, error.Peer));
    }

    [Fact]
    public async Task A_peer_that_does_not_come_is_named_when_the_time_is_over()
    {
        using var listener = TcpCollective.Listen("127.0.0.1");
        var error = await Assert.ThrowsAsync<CollectiveException>(
            () => ConnectAsync(listener, 0, [Gang.AddressOf(listener), "127.0.0.1:1"], Key, Pair, TimeSpan.FromMilliseconds(200)));
        Assert.Equal((CollectiveFailure.TimedOut, 1), (error.Failure, error.Peer));
    }

    [Fact]
    public async Task Waiting_for_peers_can_be_cancelled()
    {
        using var listener = TcpCollective.Listen("127.0.0.1");
        using var cancel = new CancellationTokenSource();
        var meeting = TcpCollective.ConnectAsync(
            listener, 0, [Gang.AddressOf(listener), "127.0.0.1:1"], Pair, Key, new CollectiveOptions(), cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => meeting);
    }

    [Fact]
    public async Task Host_names_are_resolved()
    {
        await using var gang = await PairAsync(between: target => $"localhost:{IPEndPoint.Parse(target).Port}");
        gang.Each(collective => Assert.Equal(2, collective.AllGather([]).Length));
    }

    [Fact]
    public async Task A_short_key_is_no_key()
    {
        using var listener = TcpCollective.Listen("127.0.0.1");
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => ConnectAsync(listener, 0, ["a:1", "b:2"], new byte[15], Pair));
    }

    private static Task<TcpCollective> ConnectAsync(
        TcpListener listener, int rank, string[] peers, byte[] key, ShardPlan plan, TimeSpan? deadline = null) =>
        TcpCollective.ConnectAsync(
            listener,
            rank,
            peers,
            plan,
            key,
            new CollectiveOptions { HandshakeDeadline = deadline ?? TimeSpan.FromSeconds(30) },
            TestContext.Current.CancellationToken);

    /// <summary>Two ranks; rank 1 dials rank 0 at the address that <paramref name="between"/> makes of the real one.</summary>
    private static async Task<Gang> PairAsync(Func<string, string> between)
    {
        using var zero = TcpCollective.Listen("127.0.0.1");
        using var one = TcpCollective.Listen("127.0.0.1");
        string[] addresses = [Gang.AddressOf(zero), Gang.AddressOf(one)];
        var waiting = ConnectAsync(zero, 0, addresses, Key, Pair);
        var dialing = ConnectAsync(one, 1, [between(addresses[0]), addresses[1]], Key, Pair);
        return Gang.Of([.. await Task.WhenAll(waiting, dialing)]);
    }

    /// <summary>What two ranks with these keys and plans see of each other.</summary>
    private static async Task<CollectiveException?[]> MeetAsync(params (byte[] Key, ShardPlan Plan)[] ranks)
    {
        var listeners = ranks.Select(_ => TcpCollective.Listen("127.0.0.1")).ToArray();
        var addresses = listeners.Select(Gang.AddressOf).ToArray();
        var failures = await Task.WhenAll(ranks.Select(async (own, rank) =>
            await Record.ExceptionAsync(
                () => ConnectAsync(listeners[rank], rank, addresses, own.Key, own.Plan, Short)) as CollectiveException));
        Array.ForEach(listeners, listener => listener.Dispose());
        return failures;
    }
}
