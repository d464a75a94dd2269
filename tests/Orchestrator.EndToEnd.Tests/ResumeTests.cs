using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Runs that go on from a checkpoint: after the death of everything, and in a run of their own.</summary>
public sealed class ResumeTests : ClusterTest
{
    private const int StepsOfEpoch = 23;

    /// <summary>A checkpoint every seven steps stands in the middle of epochs.</summary>
    private static string File(int epochs) => $$"""
        name: resumed
        workload: image-classifier
        dataset: digits
        seed: 11
        model: { architecture: mlp, hidden: 128, dropout: 0.2 }
        training:
          epochs: {{epochs}}
          batch_size: 64
          workers: { min: 1, max: 2 }
          augment: [{ shift: 1 }]
          optimizer: { name: adamw, learning_rate: 0.002 }
          checkpoint: { every: 7 steps, keep_best: 1, keep_last: 1 }
        """;

    [Fact(Timeout = 300_000)]
    public async Task After_the_death_of_the_whole_cluster_in_mid_epoch_a_run_ends_with_the_bits_of_an_undisturbed_one()
    {
        const int Epochs = 20;

        // It stands still for a while after the checkpoint of step 98, so that it can't have ended before everything dies.
        var cluster = await Prepare("--workers", "2").With("ORCH_INJECT", "resumed:1.0:100:data:delay=1500 resumed:1.0:101:data:delay=1500").UpAsync();
        var file = cluster.Write("run.yaml", File(Epochs));
        var undisturbed = await cluster.EndOfRunAsync(await cluster.SubmitRunAsync(file));
        Assert.Equal("succeeded", undisturbed.Text("state"));

        var id = await cluster.SubmitRunAsync(file);
        var last = 0L;
        while (last % StepsOfEpoch == 0)
        {
            Assert.NotEqual(Epochs * StepsOfEpoch, last);
            last = (await cluster.ListAsync("checkpoint", "list", "--run", id)).Select(checkpoint => checkpoint.Number("step")).DefaultIfEmpty().Max();
        }

        cluster.Orch.KillAll();
        await cluster.UpAsync();
        var run = await cluster.EndOfRunAsync(id);

        Assert.Equal("succeeded", run.Text("state"));
        Assert.Equal(undisturbed.Text("weightsHash"), run.Text("weightsHash"));
        Assert.Equal(undisturbed.Text("ledgerHash"), run.Text("ledgerHash"));
        Assert.Equal(undisturbed.Number("samplesPerEpoch"), run.Number("samplesPerEpoch"));
        Assert.Equal(Enumerable.Range(1, Epochs), run.Items("history").Select(epoch => (int)epoch.Number("epoch")));
        Assert.Equal(undisturbed.Items("history").Select(epoch => $"{epoch}"), run.Items("history").Select(epoch => $"{epoch}"));
        Assert.InRange(run.Number("generation"), 2, 4);
    }

    [Fact(Timeout = 300_000)]
    public async Task A_run_from_a_checkpoint_ends_with_the_bits_of_one_that_never_stopped()
    {
        var cluster = await UpAsync("--workers", "1");
        var whole = await cluster.EndOfRunAsync(await cluster.SubmitRunAsync(cluster.Write("whole.yaml", File(epochs: 6))));
        var half = await cluster.SubmitRunAsync(cluster.Write("half.yaml", File(epochs: 3)));
        await cluster.EndOfRunAsync(half);
        var last = (await cluster.ListAsync("checkpoint", "list", "--run", half)).MaxBy(checkpoint => checkpoint.Number("step")).Text("id");

        (await cluster.Orch.RunAsync("checkpoint", "fetch", last, "-o", cluster["origin"])).Succeeded();
        var id = await cluster.SubmitRunAsync(cluster["whole.yaml"], "--from", last);
        (await cluster.Orch.RunAsync("run", "delete", half)).Succeeded();
        var run = await cluster.EndOfRunAsync(id);

        Assert.Equal(("succeeded", last), (run.Text("state"), run.Text("from")));
        Assert.Equal(whole.Text("weightsHash"), run.Text("weightsHash"));
        Assert.Equal([4, 5, 6], run.Items("history").Select(epoch => (int)epoch.Number("epoch")));

        // It is made again from where it went on, and from nowhere else.
        var best = (await cluster.ListAsync("checkpoint", "list", "--run", id)).MaxBy(checkpoint => checkpoint.Number("step")).Text("id");
        (await cluster.Orch.RunAsync("checkpoint", "fetch", best, "-o", cluster["end"])).Succeeded();
        (await cluster.Orch.RunAsync("run", "replay", cluster["end"])).Refused(2, $"went on from checkpoint {last}", "--from DIR");
        (await cluster.Orch.RunAsync("run", "replay", cluster["end"], "--from", cluster["end"])).Refused(2, $"is not checkpoint {last}");
        var again = await cluster.Orch.RunAsync("run", "replay", cluster["end"], "--from", cluster["origin"]);
        again.Succeeded();
        Assert.Contains("the bits agree", again.Output, StringComparison.Ordinal);

        // One of another model says which tensors differ, and one of another seed does not begin.
        var wider = await cluster.EndOfRunAsync(await cluster.SubmitRunAsync(cluster["whole.yaml"], "--from", best, "--set", "model.hidden=64", "--set", "training.epochs=9"));
        Assert.Equal("failed", wider.Text("state"));
        Assert.Contains("the checkpoint does not fit the file: hidden0.bias is [128] in it and [64] in the model; hidden0.weight is [128, 64] in it and [64, 64] in the model", wider.Text("message"), StringComparison.Ordinal);
        Assert.Equal("user", Assert.Single(wider.Items("failures")).Text("kind"));
        (await cluster.Orch.RunAsync("run", "submit", cluster["whole.yaml"], "--from", best, "--set", "seed=5", "--set", "training.epochs=9")).Refused(2, "seed", "has the seed 11, the file 5", "write the same seed");
        (await cluster.Orch.RunAsync("run", "submit", cluster["whole.yaml"], "--from", "run-none-1")).Refused(2, "there is no checkpoint run-none-1", "checkpoint list");
    }
}
