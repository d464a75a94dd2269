using System.Text.Json;
using Orchestrator.EndToEnd.Tests.Harness;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Workers that die or freeze: the run goes on from its checkpoint and ends with the same bits.</summary>
public sealed class FaultTests : ClusterTest
{
    // Three checkpoints an epoch: a step that is lost is never far from one.
    private const string File = """
        name: faults
        workload: image-classifier
        dataset: digits
        seed: 5
        model: { architecture: mlp, hidden: [64, 32], dropout: 0.2 }
        training:
          epochs: 40
          batch_size: 64
          shards: 4
          workers: { min: 2, max: 2 }
          optimizer: { name: adamw, learning_rate: 0.003 }
          checkpoint: { every: 8 steps, keep_best: 1, keep_last: 2 }
          failures: { lost: 3, hung: 3 }
        """;

    [Fact(Timeout = 240_000)]
    public async Task A_run_whose_trainer_or_agent_dies_or_freezes_ends_with_the_same_bits()
    {
        var cluster = await UpAsync("--workers", "3");
        var file = cluster.Write("faults.yaml", File);
        var undisturbed = await cluster.EndOfRunAsync(await cluster.SubmitRunAsync(file));
        Assert.Equal("succeeded", undisturbed.Text("state"));

        var killedTrainer = await DisturbAsync(cluster, file, worker => Processes.Signal(worker.Number("pid"), Processes.Kill));
        await SameAsync(undisturbed, killedTrainer, "lost");

        var killedAgent = await DisturbAsync(cluster, file, worker =>
        {
            var agent = AgentOf(cluster, worker);
            var trainers = Processes.ChildrenOf(agent);
            Processes.Signal(agent, Processes.Kill);
            Assert.NotEmpty(trainers);
        });
        await SameAsync(undisturbed, killedAgent, "lost");
        await Eventually.TrueAsync(
            async () => (await cluster.ListAsync("worker", "list")).Count(worker => worker.Text("state") == "ready") == 3, TimeSpan.FromSeconds(30));

        var frozen = 0;
        var frozenAgent = await DisturbAsync(cluster, file, worker => Processes.Signal(frozen = AgentOf(cluster, worker), Processes.Stop));
        Processes.Signal(frozen, Processes.Continue);
        await SameAsync(undisturbed, frozenAgent, "lost");
    }

    private static int AgentOf(Cluster cluster, JsonElement worker) =>
        cluster.ListAsync("worker", "list").GetAwaiter().GetResult().Single(agent => agent.Text("id") == worker.Text("id")).Number("pid");

    private static async Task<JsonElement> DisturbAsync(Cluster cluster, string file, Action<JsonElement> disturb)
    {
        var id = await cluster.SubmitRunAsync(file);
        var run = await cluster.UntilRunAsync(id, run => run.Number("epoch") >= 2);
        disturb(run.Items("workers")[^1]);
        return await cluster.EndOfRunAsync(id);
    }

    private static Task SameAsync(JsonElement undisturbed, JsonElement disturbed, string kind)
    {
        Assert.Equal("succeeded", disturbed.Text("state"));
        Assert.Equal(undisturbed.Text("weightsHash"), disturbed.Text("weightsHash"));
        Assert.Equal(undisturbed.GetProperty("history").GetRawText(), disturbed.GetProperty("history").GetRawText());
        Assert.Equal(kind, Assert.Single(disturbed.Items("failures")).Text("kind"));
        Assert.Equal(2, disturbed.Number("generation"));
        return Task.CompletedTask;
    }
}
