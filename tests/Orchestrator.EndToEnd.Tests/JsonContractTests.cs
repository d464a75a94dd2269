using System.Text.Json;
using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>The fields that scripts rely on, of every command that has them.</summary>
public sealed class JsonContractTests(SharedCluster shared) : SharedClusterTest(shared)
{
    [Fact(Timeout = 180_000)]
    public void Sweep_show()
    {
        Has(Shared.Shown, "id", "name", "state", "objective", "trials", "best", "repeatable");
        Has(Shared.Shown.GetProperty("objective"), "metric", "goal");
        Assert.All(Shared.Shown.Items("trials"), trial => Has(trial, "number", "state", "parameters", "metrics", "run", "epochs", "seconds"));
        Has(Shared.Shown.GetProperty("best"), "trial", "value", "run", "checkpoint");

        // Numbers are numbers, and the winner alone was scored on the test split.
        var best = Shared.Shown.GetProperty("best");
        Assert.Equal(JsonValueKind.Number, best.GetProperty("value").ValueKind);
        Assert.All(Shared.Shown.Items("trials"), trial => Assert.Equal(
            trial.Number("number") == best.Number("trial"), trial.GetProperty("metrics").TryGetProperty("test_accuracy", out _)));
        Assert.All(Enumerable.Range(0, 10), digit => Has(Shared.Shown.Items("trials")[best.Number("trial")].GetProperty("metrics"), $"test_accuracy_{digit}"));
    }

    [Fact(Timeout = 180_000)]
    public async Task Run_show_and_list()
    {
        var run = await Cluster.RunAsync(Shared.BestRun);
        Has(run, "id", "state", "generation", "step", "epoch", "worldSize", "workers", "metrics", "failures", "stepsLost", "samplesPerEpoch", "weightsHash", "traceId", "history");
        Assert.All(run.Items("workers"), worker => Has(worker, "id", "rank", "pid", "firstShard", "endShard", "shardSeconds", "activationBytes"));
        Assert.All(run.Items("history"), epoch => Has(epoch, "epoch", "metrics"));
        Assert.Equal(("succeeded", 46, 2, 1437), (run.Text("state"), run.Number("step"), run.Number("epoch"), run.Number("samplesPerEpoch")));
        Assert.Equal(2, run.Items("history").Length);
        Assert.Equal(2, (await Cluster.ListAsync("run", "list", "--sweep", Shared.Sweep)).Length);
    }

    [Fact(Timeout = 180_000)]
    public async Task Sweep_preview()
    {
        // Without a coordinator: nine epochs of 100 s on each of four workers, two trials after each other.
        string[] file = [Product.Sample("digits.yaml"), "--set", "search.sampler=random", "--set", "search.trials=8", "--set", "search.parallel=4", "--set", "search.stopper=~", "--set", "training.epochs=9"];
        var preview = (await Orch.JsonAsync(["sweep", "preview", .. file, "--epoch-seconds", "100", "--price", "3"])).Json();
        Has(preview, "trials", "epochs", "gridSize", "samples", "time");
        Assert.Equal((8, 72), (preview.Number("trials"), preview.GetProperty("epochs").Number("max")));
        var time = preview.GetProperty("time");
        Assert.Equal((4, 1800.0, 6.0), (time.Number("workers"), time.GetProperty("seconds").GetDouble(), time.GetProperty("cost").GetDouble()));
        Assert.Equal(2, (await Orch.JsonAsync(["sweep", "preview", .. file, "--price", "0"])).ExitCode);

        // As long as the epochs of a run that has been.
        var run = await Cluster.RunAsync(Shared.BestRun);
        var like = (await Orch.JsonAsync(["sweep", "preview", .. file, "--like", Shared.BestRun])).Json().GetProperty("time").GetProperty("seconds").GetDouble();
        Assert.Equal(18 * run.GetProperty("seconds").GetDouble() * run.Number("worldSize") / run.Items("history").Length, like, 0.01);
        Assert.Equal(2, (await Orch.JsonAsync(["sweep", "preview", .. file, "--like", "none"])).ExitCode);
        Assert.Equal(2, (await Orch.JsonAsync(["sweep", "preview", .. file, "--like", Shared.BestRun, "--epoch-seconds", "1"])).ExitCode);
    }

    [Fact(Timeout = 180_000)]
    public async Task Run_trace()
    {
        var trace = (await Orch.JsonAsync("run", "trace", Shared.OtherRun)).Json();
        Has(trace, "traceId", "spans");
        Assert.All(trace.Items("spans"), span => Has(span, "id", "parent", "name", "service", "processId", "startUnixNano", "endUnixNano", "attributes"));
        Assert.All(trace.Items("spans"), span => Assert.Equal(JsonValueKind.Number, span.GetProperty("startUnixNano").ValueKind));
    }

    [Fact(Timeout = 180_000)]
    public async Task Worker_checkpoint_and_dataset_lists()
    {
        Assert.All(await Cluster.ListAsync("worker", "list"), worker => Has(worker, "id", "state", "host", "device", "slots", "pid", "trainers"));
        var checkpoints = await Cluster.ListAsync("checkpoint", "list", "--sweep", Shared.Sweep);
        Assert.NotEmpty(checkpoints);
        Assert.All(checkpoints, checkpoint => Has(checkpoint, "id", "run", "step", "epoch", "bytes", "sha256", "metrics", "uri"));
        Assert.Contains(checkpoints, checkpoint => checkpoint.Text("id") == Shared.Shown.GetProperty("best").Text("checkpoint"));
        var dataset = (await Orch.JsonAsync("dataset", "show", "digits")).Json();
        Has(dataset, "name", "features", "rows", "classes", "bytes", "chunks");
        Has(dataset.GetProperty("rows"), "train", "validation", "test");
        Assert.All(dataset.Items("chunks"), chunk => Has(chunk, "sha256", "rows"));
    }

    [Fact(Timeout = 180_000)]
    public async Task Watches_print_an_object_a_line_and_the_last_is_what_show_prints()
    {
        var sweep = (await Orch.JsonAsync("sweep", "watch", Shared.Sweep)).Succeeded().JsonLines();
        Assert.True(JsonElement.DeepEquals((await Cluster.SweepAsync(Shared.Sweep)).GetProperty("trials"), sweep[^1].GetProperty("trials")));
        var run = (await Orch.JsonAsync("run", "watch", Shared.BestRun)).Succeeded().JsonLines();
        Assert.Equal((await Cluster.RunAsync(Shared.BestRun)).Text("weightsHash"), run[^1].Text("weightsHash"));
    }

    [Fact(Timeout = 180_000)]
    public async Task Sweeps_are_listed_by_label_and_the_best_is_told()
    {
        Assert.Equal(Shared.Sweep, Assert.Single(await Cluster.ListAsync("sweep", "list", "--label", "team=vision")).Text("id"));
        Assert.Empty(await Cluster.ListAsync("sweep", "list", "--label", "team=audio"));
        var best = (await Orch.JsonAsync("sweep", "best", Shared.Sweep)).Json();
        Assert.True(JsonElement.DeepEquals(Shared.Shown.GetProperty("best"), best));
    }

    [Fact(Timeout = 180_000)]
    public async Task Rest_speaks_the_same_fields()
    {
        using var client = new HttpClient { BaseAddress = new Uri($"http://{Cluster.Web}") };
        using var sweep = JsonDocument.Parse(await client.GetStringAsync($"/v1/sweeps/{Shared.Sweep}", TestContext.Current.CancellationToken));
        Has(sweep.RootElement, "id", "name", "state", "objective", "trials", "best", "repeatable");
        Assert.Contains("openapi", await client.GetStringAsync("/openapi.json", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal("Healthy", await client.GetStringAsync("/health/ready", TestContext.Current.CancellationToken));
    }

    private static void Has(JsonElement element, params string[] names) => Assert.Empty(names.Except(element.Names(), StringComparer.Ordinal));
}
