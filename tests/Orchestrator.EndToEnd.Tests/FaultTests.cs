using System.Text.Json;
using Orchestrator.EndToEnd.Tests.Harness;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Workers that die or freeze: the run goes on from its checkpoint and ends with the same bits.</summary>
public sealed class FaultTests : ClusterTest
{
    private static readonly string File = $$"""
        name: faults
        package: {{Product.TroubledWorkload}}
        dataset: digits
        seed: 5
        model: { dropout: 0.2 }
        training:
          epochs: 6
          batch_size: 64
          shards: 4
          workers: { min: 2, max: 2 }
          optimizer: { name: adamw, learning_rate: 0.003 }
          checkpoint: { every: 4 steps, keep_best: 1, keep_last: 2 }
          failures: { lost: 1, hung: 1 }
        """;

    [Fact(Timeout = 120_000)]
    public async Task A_run_whose_trainer_is_killed_goes_on_from_its_checkpoint() =>
        await EndsTheSameAsync(delay: 5, "lost", async (_, worker) => await KillAsync(worker.Number("pid")));

    [Fact(Timeout = 120_000)]
    public async Task A_run_whose_agent_is_killed_goes_on_elsewhere_and_the_agents_trainers_end_with_it() =>
        await EndsTheSameAsync(delay: 5, "lost", async (cluster, worker) =>
        {
            var agent = await AgentOfAsync(cluster, worker);
            var trainers = Processes.ChildrenOf(agent);
            Assert.Contains(worker.Number("pid"), trainers);
            await KillAsync(agent);
            await Eventually.TrueAsync(() => !trainers.Any(Processes.IsAlive), TimeSpan.FromSeconds(10));
        });

    [Fact(Timeout = 120_000)]
    public async Task A_frozen_agent_is_replaced_and_changes_nothing_when_it_thaws()
    {
        var frozen = 0;

        // Long enough that the run can't end before the coordinator gives the agent up.
        var cluster = await EndsTheSameAsync(delay: 60, "lost", async (cluster, worker) =>
        {
            frozen = await AgentOfAsync(cluster, worker);
            Processes.Signal(frozen, Processes.Stop);
        });
        var before = await RunsAsync(cluster);
        Processes.Signal(frozen, Processes.Continue);
        await Eventually.TrueAsync(
            async () => !Processes.IsAlive(frozen) || (await cluster.ListAsync("worker", "list")).Any(worker => worker.Number("pid") == frozen && worker.Text("state") == "ready"),
            TimeSpan.FromSeconds(20));
        Assert.Equal(before, await RunsAsync(cluster));
    }

    /// <summary>Disturbs the last rank of a run on two workers, once it has a checkpoint.</summary>
    private async Task<Cluster> EndsTheSameAsync(int delay, string kind, Func<Cluster, JsonElement, Task> disturb)
    {
        var cluster = await UpAsync("--workers", "3");
        var file = cluster.Write("faults.yaml", File);
        var undisturbed = (await cluster.Orch.JsonAsync("run", "local", file, "--data-dir", cluster["local"])).Json();

        var id = await cluster.SubmitRunAsync(file, "--set", $"model.delay={delay}");
        var running = await cluster.UntilRunAsync(id, run => run.Number("epoch") >= 1);
        await disturb(cluster, running.Items("workers").Single(worker => worker.Number("rank") == 1));
        var disturbed = await cluster.EndOfRunAsync(id);

        Assert.Equal("succeeded", disturbed.Text("state"));
        Assert.Equal(undisturbed.Text("weightsHash"), disturbed.Text("weightsHash"));
        Assert.Equal(kind, Assert.Single(disturbed.Items("failures")).Text("kind"));
        Assert.Equal(2, disturbed.Number("generation"));
        Assert.Equal(138, disturbed.Number("step"));
        Assert.InRange(disturbed.Number("stepsLost"), 0, 8);
        return cluster;
    }

    private static async Task<int> AgentOfAsync(Cluster cluster, JsonElement worker) =>
        (await cluster.ListAsync("worker", "list")).Single(agent => agent.Text("id") == worker.Text("id")).Number("pid");

    private static async Task<string> RunsAsync(Cluster cluster) => (await cluster.Orch.JsonAsync("run", "list")).Succeeded().Output;

    private static async Task KillAsync(int pid)
    {
        Processes.Signal(pid, Processes.Kill);
        await Eventually.TrueAsync(() => !Processes.IsAlive(pid), TimeSpan.FromSeconds(10));
    }
}
