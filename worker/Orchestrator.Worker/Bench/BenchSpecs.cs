using System.Text.Json.Nodes;
using Orchestrator.Specs;
using Orchestrator.Training;

namespace Orchestrator.Worker.Bench;

/// <summary>What benchmarks train.</summary>
internal static class BenchSpecs
{
    /// <summary>Of each worker, where nothing else is said.</summary>
    public const int Batch = 64;

    public static readonly (string Name, string Model)[] Models =
    [
        ("cnn", """{ "architecture": "cnn", "channels": [32, 64], "hidden": [128] }"""),
        ("mlp", """{ "architecture": "mlp", "hidden": [1024, 1024, 1024, 1024] }"""),
    ];

    /// <summary>What an agent starts a trainer with.</summary>
    public static Dictionary<string, string> Environment(RunSpec spec) =>
        new(HardwarePins.Environment(spec.Training).Concat(HostAllocator.Environment), StringComparer.Ordinal);

    /// <param name="checkpointEvery">Epochs.</param>
    /// <param name="batch">Of each worker.</param>
    public static RunSpec Of(JsonObject model, int shards, int worldSize, string hardware = TrainingSpec.PinnedHardware, int checkpointEvery = int.MaxValue, int batch = Batch) => new()
    {
        Name = "bench",
        Workload = "image-classifier",
        Seed = 1,
        Dataset = new DatasetSpec { Name = "synthetic" },
        Model = (JsonObject)model.DeepClone(),
        Training = new TrainingSpec
        {
            Epochs = int.MaxValue,
            BatchSize = batch * worldSize,
            Shards = shards,
            Hardware = hardware,
            Workers = new WorkersSpec { Min = worldSize, Max = worldSize },
            Optimizer = new OptimizerSpec { Name = "adam", LearningRate = 1e-3 },
            // No epoch is better than another by a metric that there is not.
            Checkpoint = new CheckpointSpec { Every = new Every(checkpointEvery, EveryUnit.Epoch), Metric = "none" },
        },
    };
}
