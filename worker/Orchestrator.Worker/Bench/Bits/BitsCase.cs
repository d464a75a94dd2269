using System.Text.Json.Nodes;
using Orchestrator.Data.Augmentation;
using Orchestrator.Specs;

namespace Orchestrator.Worker.Bench.Bits;

/// <summary>A file of the cover: twenty steps of a small model whose batches and shards come out uneven. Together they have what else could depend on how the work is cut.</summary>
internal sealed record BitsCase(string Model, string Optimizer, RunSpec Spec)
{
    private const int Shards = 8;

    /// <summary>Ten steps an epoch of the digits, of 143 and 144 samples: shards of 17 and 18.</summary>
    private const int Batch = 150;

    public static readonly string[] Models = ["mlp", "cnn"];
    public static readonly string[] Optimizers = ["sgd", "nesterov", "adam", "adamw", "rmsprop"];

    public static BitsCase Of(string model, string optimizer)
    {
        var plain = new TrainingSpec
        {
            Epochs = 2,
            BatchSize = Batch,
            Shards = Shards,
            Augment = model == "cnn" ? [new("horizontal-flip"), new("shift", 1)] : [],
            Checkpoint = new CheckpointSpec { Every = new Every(1, EveryUnit.Epoch) },
        };
        return new BitsCase(model, optimizer, new RunSpec
        {
            Name = "bits",
            Workload = "image-classifier",
            Seed = 3,
            Dataset = new DatasetSpec { Name = "digits" },
            Model = JsonNode.Parse(model == "cnn"
                ? """{ "architecture": "cnn", "channels": [8, 16], "hidden": [32], "dropout": 0.2, "batch_norm": true }"""
                : """{ "architecture": "mlp", "hidden": [64, 32], "dropout": 0.2, "batch_norm": true }""")!.AsObject(),
            Training = With(plain, optimizer),
        });
    }

    private static TrainingSpec With(TrainingSpec plain, string optimizer) => optimizer switch
    {
        "sgd" => plain with { Optimizer = new OptimizerSpec { Name = "sgd", LearningRate = 0.05 }, Clip = new ClipSpec { Norm = 1 } },
        "nesterov" => plain with { Optimizer = new OptimizerSpec { Name = "sgd", LearningRate = 0.05, Momentum = 0.9, Nesterov = true }, Schedule = new ScheduleSpec { Name = "one-cycle" } },
        "adam" => plain with { Optimizer = new OptimizerSpec { Name = "adam", LearningRate = 5e-3 }, Ema = 0.9, LabelSmoothing = 0.1 },
        "adamw" => plain with { Optimizer = new OptimizerSpec { Name = "adamw", LearningRate = 5e-3, WeightDecay = 0.01 }, Clip = new ClipSpec { Value = 0.01 } },
        "rmsprop" => plain with { Optimizer = new OptimizerSpec { Name = "rmsprop", LearningRate = 1e-3, Momentum = 0.5 }, Schedule = new ScheduleSpec { Name = "plateau", Patience = 1, Factor = 0.5 } },
        _ => throw new ArgumentOutOfRangeException(nameof(optimizer), optimizer, "One of Optimizers."),
    };
}
