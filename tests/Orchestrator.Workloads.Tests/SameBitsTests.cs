using Orchestrator.Specs;
using Orchestrator.Workloads.Tests.Ranks;
using Xunit;

namespace Orchestrator.Workloads.Tests;

/// <summary>The promise: the file and the seed decide the bits, whoever computes them.</summary>
public sealed class SameBitsTests(Digits digits) : IClassFixture<Digits>
{
    private const string Mlp = """{ "architecture": "mlp", "hidden": [24, 16], "dropout": 0.2, "batch_norm": true }""";
    private const string Cnn = """{ "architecture": "cnn", "channels": [4, 8], "hidden": 16, "activation": "gelu", "dropout": 0.3, "batch_norm": true }""";

    // 1,437 rows: neither the batches nor the shards divide evenly.
    private static readonly TrainingSpec Training = new()
    {
        Epochs = 2,
        BatchSize = 100,
        Shards = 3,
        Optimizer = new OptimizerSpec { Name = "adamw", LearningRate = 3e-3, WeightDecay = 0.01 },
        Schedule = new ScheduleSpec { Name = "one-cycle" },
        Clip = new ClipSpec { Norm = 1 },
        Checkpoint = new CheckpointSpec { Every = new Every(10, EveryUnit.Step) },
    };

    [Theory]
    [InlineData(Mlp, 5, "sgd")]
    [InlineData(Cnn, 3, "adamw")]
    public async Task One_two_and_three_workers_give_the_same_weights_and_metrics(string model, int shards, string optimizer)
    {
        AugmentSpec[] augment = [new("horizontal-flip"), new("shift", 1)];
        var spec = Digits.Spec(model, Training with
        {
            Shards = shards,
            Augment = augment,
            Optimizer = Training.Optimizer with { Name = optimizer, Momentum = 0.9 },
        });
        var runs = await Task.WhenAll(new[] { 1, 2, 3 }.Select(world => Gang.TrainAsync(spec, digits.Dataset, digits.Output(), world)));

        var ranks = runs.SelectMany(run => run).ToArray();
        Assert.Equal(6, ranks.Length);
        Assert.Single(ranks.Select(rank => rank.WeightsHash).Distinct());
        Assert.Single(ranks.Select(rank => rank.ProbeHash).Distinct());
        Assert.All(ranks, rank => Assert.Equal(30, rank.Step));
        Assert.All(ranks, rank => Assert.Equal(ranks[0].Epochs.SelectMany(epoch => epoch.Metrics), rank.Epochs.SelectMany(epoch => epoch.Metrics)));

        // Every row once an epoch, whatever the order: both epochs' ledgers are those of the whole split.
        Assert.All(ranks.SelectMany(rank => rank.Epochs), epoch => Assert.Equal(1437, epoch.Samples));
        Assert.Single(ranks.SelectMany(rank => rank.Epochs).Select(epoch => epoch.LedgerHash).Distinct());
    }

    /// <summary>What a file may ask of the engine, in two handfuls: equal on three workers, and resumed in mid-epoch, and unlike the plain run.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task What_a_file_asks_of_the_engine_gives_the_same_weights_on_other_workers_and_after_a_resume(int handful)
    {
        var asked = handful == 0
            ? Training with
            {
                Optimizer = new OptimizerSpec { Name = "rmsprop", LearningRate = 2e-3, Momentum = 0.5, WeightDecay = 0.01, Decay = OptimizerSpec.DecayWeights },
                Schedule = new ScheduleSpec { Name = "plateau", Patience = 1, Factor = 0.5, WarmUp = 0.2 },
                Clip = new ClipSpec { Value = 0.01 },
                Ema = 0.9,
                Evaluate = new Every(6, EveryUnit.Step),
                Epochs = 3,
                Checkpoint = Training.Checkpoint with { Metric = "val_loss", Goal = "maximize" },
            }
            : Training with
            {
                Optimizer = new OptimizerSpec { Name = "sgd", LearningRate = 0.05, Momentum = 0.9, Nesterov = true },
                Schedule = new ScheduleSpec { Name = "step", Every = new Every(7, EveryUnit.Step), Factor = 0.7 },
                LabelSmoothing = 0.1,
                Freeze = ["hidden0", "hidden_norm0.bias"],
                EarlyStopping = new EarlyStoppingSpec { Patience = 1 },
                Epochs = 4,
                Checkpoint = Training.Checkpoint with { Metric = "val_loss", Goal = "maximize" },
            };
        var spec = Digits.Spec(Mlp, asked);
        var output = digits.Output();
        var one = Gang.TrainAsync(spec, digits.Dataset, output, worldSize: 1);
        var three = Gang.TrainAsync(spec, digits.Dataset, digits.Output(), worldSize: 3);
        var whole = (await one)[0];
        var resumed = Gang.TrainAsync(spec, digits.Dataset, digits.Output(), worldSize: 2, checkpoint: Path.Combine(output, "run-20"));

        // Going for a larger loss while it falls: the rate falls after the second epoch, the run ends there.
        Assert.Equal(handful == 0 ? 45 : 30, whole.Step);
        Assert.All([.. await three, .. await resumed], rank => Assert.Equal((whole.WeightsHash, whole.Step), (rank.WeightsHash, rank.Step)));
        Assert.All(await three, rank => Assert.Equal(whole.Epochs.SelectMany(epoch => epoch.Metrics), rank.Epochs.SelectMany(epoch => epoch.Metrics)));
        Assert.Equal(whole.Epochs[^1].Metrics, (await resumed)[0].Epochs[^1].Metrics);
    }

    /// <summary>Layers of more than a megabyte, so that gradients go in three buckets; and shards that make whole subtrees, several, and none above two.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(7)]
    public async Task Gradients_that_travel_during_backward_give_the_same_weights(int shards)
    {
        const string wide = """{ "architecture": "mlp", "hidden": [600, 600, 600], "dropout": 0.2, "batch_norm": true }""";
        var spec = Digits.Spec(wide, Training with { Shards = shards, Epochs = 1, BatchSize = 240 });
        var one = Gang.TrainAsync(spec, digits.Dataset, digits.Output(), worldSize: 1);
        var none = Gang.TrainAsync(spec, digits.Dataset, digits.Output(), worldSize: 2, overlaps: [false, false]);
        var some = Gang.TrainAsync(spec, digits.Dataset, digits.Output(), worldSize: 2, overlaps: [true, false]);
        var all = Gang.TrainAsync(spec, digits.Dataset, digits.Output(), worldSize: 2, overlaps: [true, true]);
        RankResult[] ranks = [.. await one, .. await none, .. await some, .. await all];

        Assert.Single(ranks.Select(rank => rank.WeightsHash).Distinct());
        Assert.All(ranks, rank => Assert.Equal(ranks[0].Epochs.SelectMany(epoch => epoch.Metrics), rank.Epochs.SelectMany(epoch => epoch.Metrics)));

        // All but the last of a step's three.
        Assert.Equal([0, 0, 0, 2 * 6, 0, 2 * 6, 2 * 6], ranks.Select(rank => rank.EarlyBuckets));
    }

    [Fact]
    public async Task A_run_resumed_in_mid_epoch_on_other_workers_ends_with_the_same_bits()
    {
        var spec = Digits.Spec(Mlp, Training);
        var output = digits.Output();
        var whole = await Gang.TrainAsync(spec, digits.Dataset, output, worldSize: 1);

        // Step 10 of 15: in the first epoch; step 20: in the second.
        var early = Gang.TrainAsync(spec, digits.Dataset, digits.Output(), worldSize: 2, checkpoint: Path.Combine(output, "run-10"));
        var late = Gang.TrainAsync(spec, digits.Dataset, digits.Output(), worldSize: 1, checkpoint: Path.Combine(output, "run-20"));

        foreach (var rank in (RankResult[])[.. await early, .. await late])
        {
            Assert.Equal(whole[0].WeightsHash, rank.WeightsHash);
            Assert.Equal(whole[0].Epochs[^1].Metrics, rank.Epochs[^1].Metrics);
            Assert.Equal(whole[0].Epochs[^1].LedgerHash, rank.Epochs[^1].LedgerHash);
            Assert.Equal(1437, rank.SamplesPerEpoch);
        }
    }
}
