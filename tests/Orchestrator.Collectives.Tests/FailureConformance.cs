namespace Orchestrator.Collectives.Tests;

/// <summary>How every collective fails; one class per implementation runs it.</summary>
public abstract class FailureConformance
{
    private static readonly ShardPlan Plan = ShardPlan.Even(7, 3);

    private protected abstract Task<Gang> GangAsync(ShardPlan plan);

    [Fact]
    public async Task Dispose_ends_a_pending_sum_here_and_on_the_peers()
    {
        await using var gang = await GangAsync(Plan);
        var failures = gang.Failures(collective =>
        {
            if (collective.Rank == 1)
            {
                // The others wait for this rank meanwhile, or will.
                collective.DisposeAsync().AsTask().Wait();
            }

            Sum(collective, 10);
        });
        Assert.Equal(CollectiveFailure.Closed, Assert.IsType<CollectiveException>(failures[1]).Failure);
        Assert.Equal(CollectiveFailure.PeerLost, Assert.IsType<CollectiveException>(failures[0]).Failure);
        Assert.Equal(CollectiveFailure.PeerLost, Assert.IsType<CollectiveException>(failures[2]).Failure);
    }

    [Fact]
    public async Task Dispose_from_another_thread_unblocks_the_caller()
    {
        await using var gang = await GangAsync(ShardPlan.Even(2, 2));
        var failure = default(Exception);
        var caller = new Thread(() => failure = Record.Exception(() => Sum(gang.Ranks[0], 10)));
        caller.Start();

        // Before the call, in its poll, or between: it ends the same way.
        await gang.Ranks[0].DisposeAsync();
        caller.Join();
        Assert.Equal(CollectiveFailure.Closed, Assert.IsType<CollectiveException>(failure).Failure);
    }

    [Fact]
    public async Task After_a_failure_every_later_call_fails_at_once()
    {
        await using var gang = await GangAsync(ShardPlan.Even(2, 2));
        await gang.Ranks[1].DisposeAsync();
        Assert.Throws<CollectiveException>(() => Sum(gang.Ranks[0], 10));
        var again = Assert.Throws<CollectiveException>(() => gang.Ranks[0].AllGather([1]));
        Assert.Equal((CollectiveFailure.PeerLost, 1), (again.Failure, again.Peer));
    }

    [Fact]
    public async Task A_rank_that_is_done_and_gone_does_not_fail_those_that_still_wait_for_others()
    {
        await using var gang = await GangAsync(Plan);
        var failures = gang.Failures(collective =>
        {
            for (var round = 0; round < 20; round++)
            {
                Sum(collective, 9000);
            }

            collective.DisposeAsync().AsTask().Wait();
        });
        Assert.All(failures, Assert.Null);
    }

    [Fact]
    public async Task Ranks_out_of_step_notice_before_they_add()
    {
        Action<ICollective>[] others = [c => Sum(c, 11), c => c.AllReduce<int>(new int[40], 10, new int[10]), c => c.AllGather([1, 2, 3])];
        foreach (var other in others)
        {
            await using var gang = await GangAsync(ShardPlan.Even(2, 2));
            var failures = gang.Failures(collective =>
            {
                if (collective.Rank == 0)
                {
                    Sum(collective, 10);
                }
                else
                {
                    other(collective);
                }
            });
            Assert.All(failures, failure => Assert.Equal(CollectiveFailure.Protocol, Assert.IsType<CollectiveException>(failure).Failure));
        }
    }

    [Fact]
    public async Task Buckets_under_way_when_a_peer_dies_fail_where_they_are_waited_for()
    {
        await using var gang = await GangAsync(Plan);
        var failures = gang.Failures(collective =>
        {
            using var partials = collective.Allocate(4 * 40_000);
            using var total = collective.Allocate(40_000);
            for (var bucket = 0; bucket < 20; bucket++)
            {
                if (collective.Rank == 1 && bucket == 7)
                {
                    collective.DisposeAsync().AsTask().Wait();
                }

                collective.Begin<float>(partials.At(0), 10_000, total.At(0), 10_000);
            }

            collective.Complete();
        });
        Assert.All(failures, failure => Assert.IsType<CollectiveException>(failure));
        Assert.Throws<CollectiveException>(gang.Ranks[0].Complete);
    }

    private static void Sum(ICollective collective, int elements) =>
        collective.AllReduce<float>(new float[4 * elements], elements, new float[elements]);
}

public sealed class TcpCollectiveFailureTests : FailureConformance
{
    private protected override Task<Gang> GangAsync(ShardPlan plan) => Gang.TcpAsync(plan);
}

public sealed class SharedMemoryFailureTests : FailureConformance
{
    private protected override Task<Gang> GangAsync(ShardPlan plan) => Gang.ConnectAsync(plan);
}

/// <summary>The last rank is on a host of its own.</summary>
public sealed class MixedFailureTests : FailureConformance
{
    private protected override Task<Gang> GangAsync(ShardPlan plan) =>
        Gang.ConnectAsync(plan, host: rank => rank == 2 ? "b" : "a");
}
