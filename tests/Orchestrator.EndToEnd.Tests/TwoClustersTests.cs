using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

public sealed class TwoClustersTests : ClusterTest
{
    [Fact(Timeout = 240_000)]
    public async Task Two_clusters_live_side_by_side_and_leave_nothing_behind()
    {
        var clusters = await Task.WhenAll(UpAsync("--workers", "1"), UpAsync("--workers", "1"));
        var sweeps = await Task.WhenAll(clusters.Select(cluster => cluster.SubmitSweepAsync(
            Product.Sample("digits.yaml"), "--set", "search.trials=2", "--set", "training.epochs=2")));
        var ended = await Task.WhenAll(clusters.Zip(sweeps, (cluster, sweep) => cluster.EndOfSweepAsync(sweep)));

        Assert.All(ended, sweep => Assert.Equal("succeeded", sweep.Text("state")));
        Assert.Equal(await SweepTable.OfAsync(clusters[0], ended[0]), await SweepTable.OfAsync(clusters[1], ended[1]));
        foreach (var (cluster, sweep) in clusters.Zip(sweeps))
        {
            // Each knows its own sweep alone.
            Assert.Equal(sweep, Assert.Single(await cluster.ListAsync("sweep", "list")).Text("id"));
            await EndsWithoutATraceAsync(cluster);
        }
    }

    [Fact(Timeout = 180_000)]
    public async Task Workers_that_are_still_on_their_way_end_with_their_cluster()
    {
        var cluster = await UpAsync("--workers", "1");
        (await cluster.Orch.RunAsync("worker", "scale", "5")).Succeeded();

        await EndsWithoutATraceAsync(cluster);
    }

    private static async Task EndsWithoutATraceAsync(Cluster cluster)
    {
        Assert.NotEmpty(cluster.Orch.Processes);
        var endpoint = Path.Combine(cluster.Data, "endpoint.json");
        Assert.True(File.Exists(endpoint));

        (await cluster.Orch.RunAsync("down")).Succeeded();

        Assert.Empty(cluster.Orch.Processes.Select(Processes.CommandLine));
        Assert.False(File.Exists(endpoint));
        Assert.Empty(Directory.EnumerateFileSystemEntries(cluster.Orch.Temporary));
        Assert.Empty(Directory.EnumerateFiles(cluster.Data, "*.sock", SearchOption.AllDirectories));
        Assert.Empty(Directory.EnumerateDirectories(cluster.Data, "tasks", SearchOption.AllDirectories));
        Assert.True(Ports.AreFree(cluster.Address, cluster.Web));
        (await cluster.Orch.RunAsync("sweep", "list")).Refused(3, "no coordinator", cluster.Address, "orch up");
    }
}
