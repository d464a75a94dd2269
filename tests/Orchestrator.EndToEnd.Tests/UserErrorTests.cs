using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

public sealed class UserErrorTests(SharedCluster shared) : SharedClusterTest(shared)
{
    private static readonly string File = $$"""
        name: trouble
        package: {{Product.TroubledWorkload}}
        dataset: digits
        model: { throw_at: $throw_at }
        training: { epochs: 1, batch_size: 128 }
        search: { sampler: grid, parallel: 2, objective: { metric: val_accuracy, goal: maximize } }
        parameters: { throw_at: { choice: [5, 0] } }
        """;

    [Fact(Timeout = 180_000)]
    public async Task A_trial_that_throws_fails_fast_with_the_users_stack_and_its_sweep_goes_on()
    {
        var sweep = await Cluster.EndOfSweepAsync(await Cluster.SubmitSweepAsync(Cluster.Write("trouble.yaml", File)));

        Assert.Equal("succeeded", sweep.Text("state"));
        Assert.Equal(["failed", "succeeded"], sweep.Items("trials").Select(trial => trial.Text("state")));
        var thrown = sweep.Items("trials")[0];
        Assert.Contains("trouble at batch 5", thrown.Text("message"), StringComparison.Ordinal);
        Assert.Equal(1, sweep.GetProperty("best").Number("trial"));

        var run = await Cluster.RunAsync(thrown.Text("run"));
        Assert.Equal("failed", run.Text("state"));
        Assert.Equal("user", Assert.Single(run.Items("failures")).Text("kind"));
        Assert.Equal(1, run.Number("generation"));
        var logs = (await Orch.RunAsync("run", "logs", thrown.Text("run"))).Succeeded().Output;
        Assert.Contains("InvalidOperationException: trouble at batch 5", logs, StringComparison.Ordinal);
        Assert.Contains("at Orchestrator.EndToEnd.Workload.Troubled.Forward(", logs, StringComparison.Ordinal);

        // A run of its own fails the command that watches it.
        var alone = Cluster.Write("alone.yaml", string.Join('\n', File.Split('\n')[..5]));
        var watched = await Orch.RunAsync("run", "submit", alone, "--set", "model.throw_at=1", "--watch");
        Assert.Equal(1, watched.ExitCode);
        Assert.Contains("trouble at batch 1", watched.Output + watched.Errors, StringComparison.Ordinal);
    }
}
