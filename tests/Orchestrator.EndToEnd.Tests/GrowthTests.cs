using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Gangs that grow and shrink while they train: nobody starts again, no step is done twice, and the bits are those of one worker.</summary>
public sealed class GrowthTests : ClusterTest
{
    [Fact(Timeout = 180_000)]
    public async Task A_run_on_one_worker_takes_in_those_who_dial_in_and_lets_the_one_go_who_is_told_to_end()
    {
        var cluster = await UpAsync("--workers", "1");
        var run = await SlowRun.StartAsync(cluster, min: 1, max: 3);
        var first = Assert.Single(SlowRun.Trainers(await run.UntilTrainedByAsync(1)));

        using var second = cluster.StartAgent();
        var two = SlowRun.Trainers(await run.UntilTrainedByAsync(2));
        Assert.Equal(first, two[0]);

        using var third = cluster.StartAgent();
        var three = SlowRun.Trainers(await run.UntilTrainedByAsync(3));
        Assert.Equal(two, three[..2]);

        second.Signal(Processes.Terminate);
        Assert.Equal(0, await second.ExitAsync());
        Assert.Equal([first, three[2]], SlowRun.Trainers(await run.UntilTrainedByAsync(2)));

        var ended = await run.EndsTheSameAsync();
        Assert.Equal(first, SlowRun.Trainers(ended)[0]);
        Assert.Equal("preempted", Assert.Single(ended.Items("failures")).Text("kind"));
        Assert.False(await run.SteppedTwiceAsync());

        // Whoever was there from the beginning tells what each change cost it.
        // The command, the coordinator, and three agents with a trainer each.
        var trace = await RunTrace.OfAsync(cluster, run.Id, processes: 8);
        Assert.Equal(
            ["1 of 1", "2 of 2", "3 of 3", "4 of 2"],
            trace.Spans.Where(span => span.Text("name") == "standstill" && span.Number("processId") == first).Select(span => span.GetProperty("attributes"))
                .Select(said => $"{said.Text("generation")} of {said.Text("world_size")}").Order(StringComparer.Ordinal));
    }

    [Theory(Timeout = 180_000)]
    [InlineData(4)]
    [InlineData(1)]
    public async Task The_only_worker_hands_its_state_over_before_it_ends(int shards)
    {
        var cluster = await UpAsync("--workers", "0");
        using var leaving = cluster.StartAgent();
        var run = await SlowRun.StartAsync(cluster, min: 1, max: 1, shards);
        var first = Assert.Single(SlowRun.Trainers(await run.UntilTrainedByAsync(1)));
        using var coming = cluster.StartAgent();
        await cluster.UntilReadyAsync(2);

        leaving.Signal(Processes.Terminate);
        Assert.Equal(0, await leaving.ExitAsync());
        Assert.NotEqual(first, Assert.Single(SlowRun.Trainers(await run.UntilTrainedByAsync(1))));

        Assert.Equal("preempted", Assert.Single((await run.EndsTheSameAsync()).Items("failures")).Text("kind"));
        Assert.False(await run.SteppedTwiceAsync());
    }

    [Theory(Timeout = 180_000)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Workers_that_all_drain_with_nobody_to_take_over_write_their_last_step_down(int workers)
    {
        var cluster = await UpAsync("--workers", "0");
        Staying[] leaving = [.. Enumerable.Range(0, workers).Select(_ => cluster.StartAgent(1, "--drain-seconds", "1"))];
        await cluster.UntilReadyAsync(workers);
        var run = await SlowRun.StartAsync(cluster, min: workers, max: workers, epochs: 4);
        await run.UntilTrainedByAsync(workers);

        Array.ForEach(leaving, agent => agent.Signal(Processes.Terminate));
        foreach (var agent in leaving)
        {
            Assert.Equal(0, await agent.ExitAsync());
            agent.Dispose();
        }

        Staying[] coming = [.. Enumerable.Range(0, workers).Select(_ => cluster.StartAgent())];
        await run.UntilTrainedByAsync(workers);
        Assert.Equal(Enumerable.Repeat("preempted", workers), (await run.EndsTheSameAsync()).Items("failures").Select(failure => failure.Text("kind")));
        Assert.False(await run.SteppedTwiceAsync());
        Array.ForEach(coming, agent => agent.Dispose());
    }

    [Fact(Timeout = 180_000)]
    public async Task A_worker_that_drains_is_replaced_at_the_end_of_a_step_where_each_has_one_shard()
    {
        var cluster = await UpAsync("--workers", "0");
        using var staying = cluster.StartAgent();
        await cluster.UntilReadyAsync(1);
        using var leaving = cluster.StartAgent();
        var run = await SlowRun.StartAsync(cluster, min: 2, max: 2, shards: 2);
        var before = SlowRun.Trainers(await run.UntilTrainedByAsync(2));
        using var coming = cluster.StartAgent();
        await cluster.UntilReadyAsync(3);

        leaving.Signal(Processes.Terminate);
        Assert.Equal(0, await leaving.ExitAsync());
        var after = SlowRun.Trainers(await run.UntilTrainedByAsync(2));
        Assert.Single(after.Intersect(before));

        Assert.Equal("preempted", Assert.Single((await run.EndsTheSameAsync()).Items("failures")).Text("kind"));
        Assert.False(await run.SteppedTwiceAsync());
    }
}
