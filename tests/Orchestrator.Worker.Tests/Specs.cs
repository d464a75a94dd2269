using Orchestrator.Specs;
using Orchestrator.Training;

namespace Orchestrator.Worker.Tests;

internal static class Specs
{
    /// <summary>A workload of this very assembly, as <c>package:</c> names it.</summary>
    public static string Own<T>()
        where T : Workload => new RunSpec
        {
            Name = "own",
            Workload = typeof(T).Name,
            Package = new PackageSpec(typeof(T).Assembly.Location),
            Dataset = new DatasetSpec { Name = "digits" },
            Training = new TrainingSpec { Shards = 4 },
        }.ToJson();

    /// <summary>Its first steps overflow.</summary>
    public static string Diverging()
    {
        var spec = RunSpec.FromJson(Digits(epochs: 5));
        return (spec with { Training = spec.Training with { Optimizer = new OptimizerSpec { Name = "sgd", LearningRate = 1e30 } } }).ToJson();
    }

    /// <summary>A model as large as its hidden layers.</summary>
    public static string Wide(params int[] hidden) => Digits(epochs: 5, $"[{string.Join(", ", hidden)}]");

    /// <summary>A small MLP on the digits.</summary>
    public static string Digits(int epochs, string hidden = "64") => RunFile.Parse(
        $$"""
        name: digits
        workload: image-classifier
        dataset: digits
        seed: 7
        model: { architecture: mlp, hidden: {{hidden}} }
        training:
          epochs: {{epochs}}
          batch_size: 64
          shards: 4
          workers: { min: 1, max: 2 }
          optimizer: { name: adamw, learning_rate: 0.003 }
          checkpoint: { every: 2 epochs, keep_best: 1, keep_last: 1 }
        """,
        "digits.yaml",
        []).ToJson();
}
