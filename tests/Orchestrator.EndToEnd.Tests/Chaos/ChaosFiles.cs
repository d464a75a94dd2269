using System.Globalization;
using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests.Chaos;

/// <summary>What runs: little to compute, much that decides the bits.</summary>
internal static class ChaosFiles
{
    private const int Epochs = 6;

    private static readonly string[] Trainings =
    [
        "{ batch_size: 64, shards: 4, optimizer: { name: adamw, learning_rate: 0.003 }, checkpoint: { every: 7 steps, keep_best: 1, keep_last: 1 } }",
        "{ batch_size: 101, shards: 3, optimizer: { name: sgd, learning_rate: 0.05, momentum: 0.9 }, clip: { norm: 1 }, checkpoint: { every: 1 epoch, keep_best: 1, keep_last: 2 } }",
    ];

    public static int Count => Trainings.Length;

    /// <param name="gate">The file that lets it run as fast as it can; null: it does from the beginning.</param>
    public static string Text(int file, int min, int max, string? gate) => string.Create(CultureInfo.InvariantCulture, $$"""
        name: chaos
        package: {{Product.TroubledWorkload}}
        dataset: digits
        seed: {{file + 3}}
        model: { dropout: 0.2{{(gate is null ? "" : $", delay: 60, until: {gate}")}} }
        training: { epochs: {{Epochs}}, workers: { min: {{min}}, max: {{max}} },{{Trainings[file][1..]}}
        """);
}
