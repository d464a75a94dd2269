using System.Globalization;
using System.Text.Json;
using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Shards go to whoever is fast: a step gets shorter, in the same processes, and no bit changes.</summary>
public sealed class BalanceTests : ClusterTest
{
    [Fact(Timeout = 180_000)]
    public async Task A_rank_that_is_slow_gets_fewer_shards_and_the_run_the_same_bits()
    {
        // A shard takes 100 ms on the one and 400 ms on the other, and there are four of them.
        var cluster = await Prepare("--workers", "2").With("ORCH_INJECT", "slow:1.1:0:forward:slow=300").UpAsync();
        var run = await SlowRun.StartAsync(cluster, min: 2, max: 2, epochs: 3);
        var even = await run.UntilTrainedByAsync(2);
        Assert.Equal([2, 2], Shards(even));

        var balanced = await cluster.UntilRunAsync(run.Id, now => now.Items("workers").Any() && Shards(now) is [3, 1] && now.Number("step") > even.Number("step"));
        Assert.Equal(SlowRun.Trainers(even), SlowRun.Trainers(balanced));

        // Well into the new generation: at its beginning nobody has told of its pace yet.
        var known = await cluster.UntilRunAsync(run.Id, now => now.Number("step") > balanced.Number("step") + 2
            && now.Items("workers").Count() == 2 && now.Items("workers").All(worker => worker.GetProperty("shardSeconds").GetDouble() > 0));
        var paces = known.Items("workers").OrderBy(worker => worker.Number("rank")).Select(worker => worker.GetProperty("shardSeconds").GetDouble()).ToArray();
        Assert.True(paces[1] > 1.5 * paces[0], string.Join(' ', paces.Select(pace => pace.ToString(CultureInfo.InvariantCulture))));
        Assert.Contains("shard 3 at ", (await cluster.Orch.RunAsync("run", "show", run.Id)).Succeeded().Output, StringComparison.Ordinal);

        var ended = await run.EndsTheSameAsync();
        Assert.Empty(ended.Items("failures"));
        Assert.False(await run.SteppedTwiceAsync());
    }

    private static int[] Shards(JsonElement run) =>
        [.. run.Items("workers").OrderBy(worker => worker.Number("rank")).Select(worker => worker.Number("endShard") - worker.Number("firstShard"))];
}
