using Orchestrator.EndToEnd.Tests.Harness;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>RabbitMQ, PostgreSQL, and agents that dial in.</summary>
public sealed class ClusterInEarnestTests : ClusterTest
{
    [Fact(Timeout = 240_000)]
    public async Task A_sweep_survives_the_death_of_the_broker_and_of_the_coordinator()
    {
        var starting = (Broker: RabbitMqServer.StartNewAsync(), Database: PostgresServer.StartNewAsync());
        using var broker = await starting.Broker;
        using var database = await starting.Database;
        var cluster = await UpAsync("--workers", "0", "--broker", broker.Uri, "--database", database.CreateDatabase());
        using var first = cluster.StartAgent();
        using var second = cluster.StartAgent();

        var go = cluster["go"];
        var file = Sweeps.WriteSlow(cluster, go, milliseconds: 50);
        var disturbed = await cluster.SubmitSweepAsync(file);
        await cluster.UntilSweepAsync(disturbed, sweep => sweep.Items("trials").Any(trial => trial.Text("state") == "running"));
        broker.Kill();
        // A trial that is under way needs no broker, but its end goes no further than its run. None could end before.
        cluster.Write("go", "");
        await Eventually.TrueAsync(
            async () => (await cluster.ListAsync("run", "list", "--sweep", disturbed)).Any(run => run.Text("state") == "succeeded"), TimeSpan.FromSeconds(60));
        Assert.DoesNotContain((await cluster.SweepAsync(disturbed)).Items("trials"), trial => trial.Text("state") == "succeeded");
        File.Delete(go);
        await broker.StartAsync();
        await cluster.UntilSweepAsync(disturbed, Sweeps.IsInTheMiddle);
        await cluster.KillCoordinatorAsync();
        await cluster.UpAsync();
        cluster.Write("go", "");
        var ended = await cluster.EndOfSweepAsync(disturbed);

        Assert.Equal("succeeded", ended.Text("state"));
        await SweepTable.NothingWasRunTwiceAsync(cluster, ended);
        var undisturbed = await cluster.EndOfSweepAsync(await cluster.SubmitSweepAsync(file));
        Assert.Equal(await SweepTable.OfAsync(cluster, undisturbed), await SweepTable.OfAsync(cluster, ended));

        first.Signal(Processes.Terminate);
        second.Signal(Processes.Terminate);
        Assert.All(await Task.WhenAll(first.ExitAsync(), second.ExitAsync()), code => Assert.Equal(0, code));
        (await cluster.Orch.RunAsync("down")).Succeeded();
        Assert.Empty(cluster.Orch.Processes.Select(Processes.CommandLine));
    }
}
