using Orchestrator.EndToEnd.Tests.Harness;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests;

public sealed class CancelTests(SharedCluster shared) : SharedClusterTest(shared)
{
    // Nobody waits for its end.
    private static readonly string File = $$"""
        name: long
        package: {{Product.TroubledWorkload}}
        dataset: digits
        model: { delay: 100 }
        training: { epochs: 1000, batch_size: 64, optimizer: { name: sgd, learning_rate: $lr } }
        search: { sampler: random, trials: 6, parallel: 3, objective: { metric: val_accuracy, goal: maximize } }
        parameters: { lr: { uniform: [0.01, 0.02] } }
        """;

    [Fact(Timeout = 180_000)]
    public async Task A_cancelled_sweep_ends_its_trials_and_frees_its_slots()
    {
        var id = await Cluster.SubmitSweepAsync(Cluster.Write("long.yaml", File));
        var watching = Orch.RunAsync("sweep", "watch", id);
        await Cluster.UntilSweepAsync(id, sweep => sweep.Items("trials").Count(trial => trial.Text("state") == "running") == 2);

        Assert.Equal("cancelled", (await Orch.JsonAsync("sweep", "cancel", id)).Json().Text("state"));

        Assert.Equal(1, (await watching).ExitCode);
        var sweep = await Cluster.SweepAsync(id);
        Assert.All(sweep.Items("trials"), trial => Assert.Equal("cancelled", trial.Text("state")));
        await IdleAsync();
        Assert.All(await Cluster.ListAsync("run", "list", "--sweep", id), run => Assert.Equal("cancelled", run.Text("state")));

        (await Orch.RunAsync("sweep", "delete", id)).Succeeded();
        Assert.Empty(await Cluster.ListAsync("run", "list", "--sweep", id));
        (await Orch.RunAsync("sweep", "show", id)).Refused(2, id);
    }

    [Fact(Timeout = 180_000)]
    public async Task A_cancelled_run_ends_and_its_logs_are_followed_to_the_end()
    {
        var file = Cluster.Write("long-run.yaml", string.Join('\n', File.Split('\n')[..5]).Replace("$lr", "0.01", StringComparison.Ordinal));
        var id = await Cluster.SubmitRunAsync(file);
        var following = Orch.RunAsync("run", "logs", id, "-f");
        await Cluster.UntilRunAsync(id, run => run.Text("state") == "running" && run.Number("step") > 0);
        (await Orch.RunAsync("run", "delete", id)).Refused(2, id, $"orch run cancel {id}");

        Assert.Equal("cancelled", (await Orch.JsonAsync("run", "cancel", id)).Json().Text("state"));

        var logs = (await following).Succeeded().Output;
        Assert.Contains("[1.0] ", logs, StringComparison.Ordinal);
        Assert.Contains("rank 0 of 1 trains shards 0 to 3", logs, StringComparison.Ordinal);
        await IdleAsync();
        Assert.Equal("cancelled", (await Cluster.RunAsync(id)).Text("state"));
        (await Orch.RunAsync("run", "delete", id)).Succeeded();
    }

    private Task IdleAsync() => Eventually.TrueAsync(
        async () => (await Cluster.WorkersAsync()).All(worker => worker.Items("trainers").Length == 0), TimeSpan.FromSeconds(60));
}
