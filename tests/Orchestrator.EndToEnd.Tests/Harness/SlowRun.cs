using System.Globalization;
using System.Text.Json;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>A run that takes its time until the test lets it go: what is to happen in its middle does, however slow the machine is.</summary>
internal sealed class SlowRun
{
    private const int StepsAnEpoch = 23;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static int runs;

    private readonly Cluster cluster;
    private readonly string gate;
    private readonly int epochs;

    private SlowRun(Cluster cluster, string gate, int epochs, string id, JsonElement undisturbed) =>
        (this.cluster, this.gate, this.epochs, Id, Undisturbed) = (cluster, gate, epochs, id, undisturbed);

    public string Id { get; }

    public int Steps => epochs * StepsAnEpoch;

    /// <summary>The same file, run on one worker that nobody disturbed.</summary>
    public JsonElement Undisturbed { get; }

    /// <summary>Submits it, and returns once it trains.</summary>
    /// <param name="known">How it ends undisturbed, where that is known already.</param>
    /// <param name="delay">Milliseconds that every batch takes longer until it is let go.</param>
    /// <param name="busy">It takes a core's time, and not only time.</param>
    public static async Task<SlowRun> StartAsync(Cluster cluster, int min, int max, int shards = 4, int epochs = 8, JsonElement? known = null, int delay = 100, bool busy = false)
    {
        var file = cluster.Write("slow.yaml", $$"""
            name: slow
            package: {{Product.TroubledWorkload}}
            dataset: digits
            seed: 5
            model: { dropout: 0.2 }
            training:
              epochs: {{epochs}}
              batch_size: 64
              shards: {{shards}}
              workers: { min: {{min}}, max: {{max}} }
              optimizer: { name: adamw, learning_rate: 0.003 }
              checkpoint: { every: 7 steps, keep_best: 1, keep_last: 1 }
            """);
        var undisturbed = known ?? (await cluster.Orch.JsonAsync("run", "local", file, "--data-dir", cluster["local"])).Json();
        var go = cluster[$"go-{Interlocked.Increment(ref runs).ToString(CultureInfo.InvariantCulture)}"];
        var id = await cluster.SubmitRunAsync(file, "--set", $"model.delay={delay.ToString(CultureInfo.InvariantCulture)}", "--set", $"model.until={go}", "--set", $"model.busy={(busy ? "true" : "false")}");
        await cluster.UntilRunAsync(id, run => run.Number("step") >= 3);
        return new SlowRun(cluster, go, epochs, id, undisturbed);
    }

    /// <summary>The pids of its trainers, in rank order; empty while a generation forms.</summary>
    public static int[] Trainers(JsonElement run) => [.. run.Items("workers").OrderBy(worker => worker.Number("rank")).Select(worker => worker.Number("pid"))];

    /// <summary>Returns once so many train it, a step or more of theirs included.</summary>
    public async Task<JsonElement> UntilTrainedByAsync(int workers)
    {
        var formed = await cluster.UntilRunAsync(Id, run => run.Text("state") == "running" && run.Number("worldSize") == workers);
        // Trainers finish the step that they are in, and the one after, before they go over to the next generation: they say when they have.
        var said = string.Create(CultureInfo.InvariantCulture, $"generation {formed.Number("generation")}, rank 0 of {workers} trains ");
        await Eventually.TrueAsync(async () => (await cluster.LogAsync(Id)).Any(line => line.Contains(said, StringComparison.Ordinal)), Patience);
        var began = await cluster.RunAsync(Id);
        return await cluster.UntilRunAsync(Id, run => run.Number("step") > began.Number("step") + 1);
    }

    /// <summary>It takes its time no longer.</summary>
    public Task LetGoAsync() => File.WriteAllTextAsync(gate, "", TestContext.Current.CancellationToken);

    /// <summary>Lets it go, waits for its end, and holds that against the undisturbed one's: the same bits and the same samples, nothing lost, no step computed again.</summary>
    public async Task<JsonElement> EndsTheSameAsync()
    {
        await LetGoAsync();
        var run = await cluster.EndOfRunAsync(Id);
        Assert.Equal("succeeded", run.Text("state"));
        Assert.Equal(Undisturbed.Text("weightsHash"), run.Text("weightsHash"));
        Assert.Equal((Steps, 0), (run.Number("step"), run.Number("stepsLost")));
        Assert.Equal(Undisturbed.Number("samplesPerEpoch"), run.Number("samplesPerEpoch"));
        Assert.Equal(Enumerable.Range(1, epochs), run.Items("history").Select(epoch => epoch.Number("epoch")));
        return run;
    }

    /// <summary>Whether a generation ended in the middle of a step, which the next one had to do again.</summary>
    public async Task<bool> SteppedTwiceAsync() => (await cluster.LogAsync(Id)).Any(line => line.Contains("is over after step", StringComparison.Ordinal));
}
