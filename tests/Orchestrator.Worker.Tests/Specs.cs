using Orchestrator.Specs;

namespace Orchestrator.Worker.Tests;

internal static class Specs
{
    /// <summary>A small MLP on the digits.</summary>
    public static string Digits(int epochs) => RunFile.Parse(
        $$"""
        name: digits
        workload: image-classifier
        dataset: digits
        seed: 7
        model: { architecture: mlp, hidden: 64 }
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
