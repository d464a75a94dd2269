using System.Text.Json.Nodes;
using Orchestrator.Coordinator.Sweeps;
using Orchestrator.Specs;

namespace Orchestrator.Coordinator.Tests.Sweeps;

/// <summary>What a sweep will take of a cluster, told before it runs.</summary>
public sealed class SweepPreviewTests
{
    private const string File = """
        name: p
        workload: image-classifier
        dataset: digits
        model: { architecture: cnn, channels: [16], hidden: 64 }
        training: { epochs: 9, optimizer: { name: adamw, learning_rate: $lr }, checkpoint: { keep_best: 1, keep_last: 2 } }
        search: { sampler: random, trials: 12, parallel: 4, keep: best 2, objective: { metric: val_accuracy, goal: maximize } }
        parameters: { lr: { loguniform: [1e-4, 1] } }
        """;

    [Fact]
    public void A_models_size_is_known_from_the_file()
    {
        // What a trainer wrote of this network: 69,480 and 139,080 bytes, with the names of the tensors.
        var disk = Json()["disk"]!;
        var size = (long)disk["checkpointBytes"]!;
        Assert.InRange(size, 0.99 * (69_480 + 139_080), 69_480 + 139_080);
        Assert.Equal((size * 3 * 12, size * 3 * 2), ((long)disk["mostBytes"]!, (long)disk["keptBytes"]!));
    }

    [Theory]
    [InlineData("model.hidden=[64, 32]", 4 * 3 * ((9 * 16) + 16 + (256 * 64) + 64 + (64 * 32) + 32 + (32 * 10) + 10))]
    [InlineData("training.ema=0.9", 4 * 4 * ((9 * 16) + 16 + (256 * 64) + 64 + (64 * 10) + 10))]
    [InlineData("model={ architecture: mlp, hidden: 64 }", 4 * 3 * ((64 * 64) + 64 + (64 * 10) + 10))]
    [InlineData("training.optimizer={ name: sgd, learning_rate: $lr }", 4 * ((9 * 16) + 16 + (256 * 64) + 64 + (64 * 10) + 10))]
    public void It_follows_layers_optimizer_and_average(string set, long bytes) => Assert.Equal(bytes, (long)Json(set: set)["disk"]!["checkpointBytes"]!);

    [Fact]
    public void A_size_that_the_file_does_not_tell_is_told()
    {
        Assert.Null(Json(set: "dataset=other")["disk"]);
        Assert.Equal(2_500_000, (long)Json(new SweepRates(CheckpointMegabytes: 2.5), "dataset=other")["disk"]!["checkpointBytes"]!);
    }

    [Fact]
    public void Time_and_cost_are_those_of_the_workers_that_there_are()
    {
        Assert.Null(Json()["time"]);

        // 12 trials of 9 epochs on 4 workers, three after each other; on 2 workers six.
        var time = Json(new SweepRates(EpochSeconds: 100, Price: 3))["time"]!;
        Assert.Equal((4, 2700.0, 9.0), ((int)time["workers"]!, (double)time["seconds"]!, (double)time["cost"]!));
        Assert.Equal(5400, (double)Json(new SweepRates(EpochSeconds: 100, Workers: 2))["time"]!["seconds"]!);
        Assert.Null(Json(new SweepRates(EpochSeconds: 100))["time"]!["cost"]);
        Assert.InRange((double)Json(new SweepRates(EpochSeconds: 100), "search.stopper=asha")["time"]!["seconds"]!, 900, 1800);
    }

    [Fact]
    public void People_read_the_same()
    {
        var lines = SweepPreview.Of(SweepFile.Parse(File, "p.yaml", []), "p.yaml", new SweepRates(EpochSeconds: 100, Price: 3)).Lines().ToArray();
        Assert.Contains("disk: about 0.207 MB a checkpoint, 7.46 MB at most while it runs, 1.24 MB after it", lines);
        Assert.Contains("time: about 45 min on 4 workers, 9.00 in all", lines);
    }

    private static JsonNode Json(SweepRates? rates = null, string? set = null) => JsonNode.Parse(SweepPreview.Of(SweepFile.Parse(File, "p.yaml", set is null ? [] : [set]), "p.yaml", rates).ToJson())!;
}
