using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Orchestrator.Collectives.Tcp;

namespace Orchestrator.Collectives.Tests;

/// <summary>What a rank sees when a peer dies, falls silent, or does something else.</summary>
public sealed class TcpFailureTests
{
    /// <summary>Hello and proof of the two connections that rank 2 of 3 dials.</summary>
    private const int HandshakeBytes = 2 * (Handshake.HelloLength + Handshake.ProofLength);

    private const int Elements = 100_003;

    private static readonly ShardPlan Plan = ShardPlan.Even(7, 3);

    /// <summary>Bytes of rank 2 that its peers still get: none, a part of a header, all of one, parts of the partial sums (1.2 MB in
    /// all), of the totals, all but a few.</summary>
    public static TheoryData<int> Cuts => [0, 10, 24, 30_000, 400_000, 900_000, 1_100_000, 1_300_000];

    [Theory]
    [MemberData(nameof(Cuts))]
    public async Task A_peer_that_dies_in_mid_sum_ends_it_on_every_rank_or_the_sum_is_whole(int bytes)
    {
        using var wire = new FaultyWire(HandshakeBytes + bytes, cuts: true);
        await using var gang = await ThreeAsync(wire, TimeSpan.FromSeconds(30));
        var gradients = new Gradients<float>(Plan.Shards, Elements, 1);
        var expected = gradients.Sum();
        var failures = gang.Failures(collective =>
        {
            // The first sum after the cut fails; those before it are right.
            for (var round = 0; ; round++)
            {
                var total = new float[Elements];
                collective.AllReduce<float>(gradients.Partials(Plan, collective.Rank, Elements), Elements, total);
                Assert.True(MemoryMarshal.AsBytes<float>(total).SequenceEqual(MemoryMarshal.AsBytes<float>(expected)), "torn");
                Assert.True(round < 10, "the wire was never cut");
            }
        });
        Assert.All(failures, failure => Assert.Equal(CollectiveFailure.PeerLost, Assert.IsType<CollectiveException>(failure).Failure));
    }

    [Fact]
    public async Task A_peer_that_falls_silent_is_named_by_all_others()
    {
        using var wire = new FaultyWire(HandshakeBytes + 30_000, cuts: false);
        await using var gang = await ThreeAsync(wire, TimeSpan.FromSeconds(2));
        var failures = gang.Failures(collective =>
            collective.AllReduce<float>(new float[Plan.OwnedNodes(collective.Rank).Count * Elements], Elements, new float[Elements]));
        foreach (var failure in failures[..2])
        {
            var error = Assert.IsType<CollectiveException>(failure);
            Assert.Equal(2, error.Peer);
            Assert.Equal(CollectiveFailure.TimedOut, error.Failure);
        }

        Assert.IsType<CollectiveException>(failures[2]);
    }

    [Fact]
    public async Task A_peer_that_dies_in_mid_broadcast_ends_it_on_every_rank_that_still_waits()
    {
        using var wire = new FaultyWire(HandshakeBytes + 500_000, cuts: true);
        await using var gang = await ThreeAsync(wire, TimeSpan.FromSeconds(30));
        var failures = gang.Failures(collective =>
        {
            collective.Broadcast(2, new byte[4_000_000]);
            collective.AllGather([]);
        });
        Assert.All(failures, failure => Assert.Equal(CollectiveFailure.PeerLost, Assert.IsType<CollectiveException>(failure).Failure));
    }

    [Fact]
    public async Task Sums_larger_than_the_sockets_hold_do_not_block_each_other()
    {
        const int Large = 8_000_003;
        await using var gang = await Gang.TcpAsync(ShardPlan.Even(2, 2));
        gang.Each(collective =>
        {
            var partials = new int[Large];
            for (var index = 0; index < Large; index++)
            {
                partials[index] = index * (collective.Rank + 1);
            }

            var total = new int[Large];
            collective.AllReduce<int>(partials, Large, total);
            for (var index = 0; index < Large; index++)
            {
                if (total[index] != unchecked(index * 3))
                {
                    Assert.Fail($"element {index}");
                }
            }
        });
    }

    private static void Sum(ICollective collective, int elements) =>
        collective.AllReduce<float>(new float[4 * elements], elements, new float[elements]);

    /// <summary>Three ranks; the last one's connections go over the wire.</summary>
    private static async Task<Gang> ThreeAsync(FaultyWire wire, TimeSpan deadline)
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var listeners = Enumerable.Range(0, 3).Select(_ => TcpCollective.Listen("127.0.0.1")).ToArray();
        var direct = listeners.Select(Gang.AddressOf).ToArray();
        string[] faulty = [wire.Between(direct[0]), wire.Between(direct[1]), direct[2]];
        var ranks = await Task.WhenAll(listeners.Select((listener, rank) => TcpCollective.ConnectAsync(
            listener,
            rank,
            rank == 2 ? faulty : direct,
            Plan,
            key,
            new CollectiveOptions { Deadline = deadline },
            TestContext.Current.CancellationToken)));
        Array.ForEach(listeners, listener => listener.Dispose());
        return Gang.Of([.. ranks]);
    }
}
