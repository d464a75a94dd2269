using System.Text.Json;
using Orchestrator.Cli.Bench.Balance;
using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Shards go to whoever is fast: a step gets shorter, in the same processes, and no bit changes. Takes root, for a control group.</summary>
public sealed class BalanceTests : ClusterTest
{
    [Fact(Timeout = 180_000)]
    public async Task A_rank_that_a_control_group_slows_down_gets_fewer_shards_and_the_run_the_same_bits()
    {
        // A shard takes 40 ms of a core's time, which the other gets in 400 ms; on a busy machine the one takes its time, too.
        using var group = CpuGroup.Create(cores: 0.1);
        var cluster = await UpAsync("--workers", "2");
        var run = await SlowRun.StartAsync(cluster, min: 2, max: 2, epochs: 3, delay: 40, busy: true);
        var even = await run.UntilTrainedByAsync(2);
        Assert.Equal([2, 2], Shards(even));
        group.Add(SlowRun.Trainers(even)[1]);

        var balanced = await cluster.UntilRunAsync(run.Id, now => now.Items("workers").Any() && Shards(now) is [3, 1] && now.Number("step") > even.Number("step"));
        Assert.Equal(SlowRun.Trainers(even), SlowRun.Trainers(balanced));

        // Well into the new generation: at its beginning nobody has told of its pace yet.
        await cluster.UntilRunAsync(run.Id, now => now.Number("step") > balanced.Number("step") + 2 && Paces(now) is [> 0 and var free, var slowed] && slowed > free);
        Assert.Contains("shard 3 at ", (await cluster.Orch.RunAsync("run", "show", run.Id)).Succeeded().Output, StringComparison.Ordinal);

        var ended = await run.EndsTheSameAsync();
        Assert.Empty(ended.Items("failures"));
        Assert.False(await run.SteppedTwiceAsync());
    }

    private static int[] Shards(JsonElement run) => [.. Ranks(run).Select(worker => worker.Number("endShard") - worker.Number("firstShard"))];

    private static double[] Paces(JsonElement run) => [.. Ranks(run).Select(worker => worker.GetProperty("shardSeconds").GetDouble())];

    private static IEnumerable<JsonElement> Ranks(JsonElement run) => run.Items("workers").OrderBy(worker => worker.Number("rank"));
}
