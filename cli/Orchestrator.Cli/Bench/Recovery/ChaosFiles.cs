using System.Globalization;

namespace Orchestrator.Cli.Bench.Recovery;

/// <summary>What runs: little to compute, much that decides the bits.</summary>
internal static class ChaosFiles
{
    private const int Epochs = 24;

    /// <summary>Of an epoch of the digits, in batches of these sizes.</summary>
    private const int Batch = 96;
    private const int StepsOfEpoch = 15;

    private static readonly (string Model, string Training)[] Files =
    [
        (
            "{ architecture: mlp, hidden: [512, 256], dropout: 0.2, batch_norm: true }",
            "shards: 4, optimizer: { name: adamw, learning_rate: 0.003 }, schedule: one-cycle, ema: 0.99, checkpoint: { every: 7 steps, keep_best: 1, keep_last: 1 }"),
        (
            "{ architecture: cnn, channels: [8, 16], hidden: [32], dropout: 0.2, batch_norm: true }",
            "shards: 3, optimizer: { name: sgd, learning_rate: 0.05, momentum: 0.9, nesterov: true }, clip: { norm: 1 }, augment: [{ shift: 1 }], checkpoint: { every: 1 epoch, keep_best: 1, keep_last: 2 }"),
    ];

    public static int Count => Files.Length;

    /// <summary>That a run makes.</summary>
    public static int Steps => Epochs * StepsOfEpoch;

    public static string Text(int file, int min, int max) => string.Create(CultureInfo.InvariantCulture, $$"""
        name: chaos
        workload: image-classifier
        dataset: digits
        seed: {{file + 3}}
        model: {{Files[file].Model}}
        training: { epochs: {{Epochs}}, batch_size: {{Batch}}, workers: { min: {{min}}, max: {{max}} }, failures: { lost: 100, hung: 100 }, {{Files[file].Training}} }
        """);
}
