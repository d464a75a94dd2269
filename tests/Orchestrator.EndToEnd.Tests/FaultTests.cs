using System.Text.Json;
using Orchestrator.EndToEnd.Tests.Harness;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Workers that die or freeze: the others go on with what they have, in the processes that they are, and the run ends with the same bits.</summary>
public sealed class FaultTests : ClusterTest
{
    private static readonly string File = $$"""
        name: faults
        package: {{Product.TroubledWorkload}}
        dataset: digits
        seed: 5
        model: { dropout: 0.2 }
        training:
          epochs: 2
          batch_size: 64
          shards: 4
          workers: { min: 2, max: 2 }
          optimizer: { name: adamw, learning_rate: 0.003 }
          checkpoint: { every: 4 steps, keep_best: 1, keep_last: 2 }
          failures: { lost: 1, hung: 1 }
        """;

    [Theory(Timeout = 240_000)]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_run_whose_trainer_is_killed_goes_on_at_once_with_the_others(int rank) =>
        await EndsTheSameAsync(delay: 100, "lost", async (_, worker) => await KillAsync(worker.Number("pid")), rank, "training.workers.max=3");

    [Fact(Timeout = 240_000)]
    public async Task A_run_left_with_too_few_trainers_takes_a_newcomer_in_who_gets_the_state_from_them() =>
        await EndsTheSameAsync(delay: 100, "lost", async (_, worker) => await KillAsync(worker.Number("pid")), rank: 0);

    [Fact(Timeout = 240_000)]
    public async Task A_run_whose_trainers_are_all_killed_goes_on_from_its_checkpoint_and_says_what_it_lost()
    {
        var cluster = await UpAsync("--workers", "2");
        var file = cluster.Write("faults.yaml", File);
        var undisturbed = (await cluster.Orch.JsonAsync("run", "local", file, "--data-dir", cluster["local"])).Json();
        var id = await cluster.SubmitRunAsync(file, "--set", "model.delay=100", "--set", "training.failures.lost=4");
        var running = await cluster.UntilRunAsync(id, run => run.Number("step") >= 6);
        foreach (var worker in running.Items("workers"))
        {
            Processes.Signal(worker.Number("pid"), Processes.Kill);
        }

        var disturbed = await cluster.EndOfRunAsync(id);
        Assert.Equal("succeeded", disturbed.Text("state"));
        Assert.Equal(undisturbed.Text("weightsHash"), disturbed.Text("weightsHash"));
        Assert.Equal(2, disturbed.Items("failures").Count());
        Assert.InRange(disturbed.Number("stepsLost"), 0, 8);
    }

    [Fact(Timeout = 240_000)]
    public async Task A_run_whose_agent_is_killed_goes_on_elsewhere_and_the_agents_trainers_end_with_it() =>
        await EndsTheSameAsync(delay: 100, "lost", async (cluster, worker) =>
        {
            var agent = await AgentOfAsync(cluster, worker);
            var trainers = Processes.ChildrenOf(agent);
            Assert.Contains(worker.Number("pid"), trainers);
            await KillAsync(agent);
            await Eventually.TrueAsync(() => !trainers.Any(Processes.IsAlive), TimeSpan.FromSeconds(60));
        });

    [Fact(Timeout = 240_000)]
    public async Task A_frozen_agent_is_replaced_and_changes_nothing_when_it_thaws()
    {
        var frozen = 0;

        // Long enough that the run can't end before the coordinator gives the agent up.
        var cluster = await EndsTheSameAsync(delay: 200, "lost", async (cluster, worker) =>
        {
            frozen = await AgentOfAsync(cluster, worker);
            Processes.Signal(frozen, Processes.Stop);
        });
        var before = await RunsAsync(cluster);
        Processes.Signal(frozen, Processes.Continue);
        await Eventually.TrueAsync(
            async () => !Processes.IsAlive(frozen) || (await cluster.WorkersAsync()).Any(worker => worker.Number("pid") == frozen && worker.Text("state") == "ready"),
            TimeSpan.FromSeconds(60));
        Assert.Equal(before, await RunsAsync(cluster));
    }

    /// <summary>Disturbs a rank of a run in its middle.</summary>
    private async Task<Cluster> EndsTheSameAsync(int delay, string kind, Func<Cluster, JsonElement, Task> disturb, int rank = 1, string workers = "training.workers.max=2")
    {
        var cluster = await UpAsync("--workers", "3");
        var file = cluster.Write("faults.yaml", File);
        var undisturbed = (await cluster.Orch.JsonAsync("run", "local", file, "--data-dir", cluster["local"])).Json();

        var id = await cluster.SubmitRunAsync(file, "--set", $"model.delay={delay}", "--set", workers);
        var running = await cluster.UntilRunAsync(id, run => run.Number("step") >= 5);
        var victim = running.Items("workers").Single(worker => worker.Number("rank") == rank);
        var others = running.Items("workers").Select(worker => worker.Number("pid")).Where(pid => pid != victim.Number("pid")).ToArray();
        await disturb(cluster, victim);
        var disturbed = await cluster.EndOfRunAsync(id);

        Assert.Equal("succeeded", disturbed.Text("state"));
        Assert.Equal(undisturbed.Text("weightsHash"), disturbed.Text("weightsHash"));
        Assert.Equal(kind, Assert.Single(disturbed.Items("failures")).Text("kind"));
        // The one after the loss; others where a slot that is free again lets it grow.
        Assert.InRange(disturbed.Number("generation"), 2, 4);
        Assert.Equal((46, 0), (disturbed.Number("step"), disturbed.Number("stepsLost")));
        Assert.Equal(others, disturbed.Items("workers").Select(worker => worker.Number("pid")).Take(others.Length));
        return cluster;
    }

    private static async Task<int> AgentOfAsync(Cluster cluster, JsonElement worker) =>
        (await cluster.WorkersAsync()).Single(agent => agent.Text("id") == worker.Text("id")).Number("pid");

    private static async Task<string> RunsAsync(Cluster cluster) => (await cluster.Orch.JsonAsync("run", "list")).Succeeded().Output;

    private static async Task KillAsync(int pid)
    {
        Processes.Signal(pid, Processes.Kill);
        await Eventually.TrueAsync(() => !Processes.IsAlive(pid), TimeSpan.FromSeconds(60));
    }
}
