using Orchestrator.EndToEnd.Tests.Harness;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests;

public sealed class WorkerTests : ClusterTest
{
    [Fact(Timeout = 180_000)]
    public async Task Workers_are_scaled_up_and_down_and_drained()
    {
        var cluster = await UpAsync("--workers", "1", "--slots", "2");
        var first = Assert.Single(await cluster.WorkersAsync());
        Assert.Equal(("ready", 2), (first.Text("state"), first.Number("slots")));

        (await cluster.Orch.RunAsync("worker", "scale", "3")).Succeeded();
        await cluster.UntilReadyAsync(3);
        (await cluster.Orch.RunAsync("worker", "scale", "1")).Succeeded();
        await cluster.UntilReadyAsync(1);
        (await cluster.Orch.RunAsync("worker", "scale", "-1")).Refused(2, "-1", "0 to 64");

        var last = (await cluster.WorkersAsync()).Single(worker => worker.Text("state") == "ready");
        (await cluster.Orch.RunAsync("worker", "drain", last.Text("id"))).Succeeded();
        await Eventually.TrueAsync(() => !Processes.IsAlive(last.Number("pid")), TimeSpan.FromSeconds(60));
        await cluster.UntilReadyAsync(0);
        (await cluster.Orch.RunAsync("down")).Succeeded();
        Assert.Empty(cluster.Orch.Processes.Select(Processes.CommandLine));
    }
}
