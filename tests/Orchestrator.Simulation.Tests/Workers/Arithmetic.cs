using System.Globalization;
using Orchestrator.Data.Sampling;
using Orchestrator.Specs;
using Orchestrator.Training;

namespace Orchestrator.Simulation.Tests;

/// <summary>
/// A model that is one number: every step folds into it what each shard makes of its rows and of the number before. A step that is left out, repeated, torn, or taken with another's rows shows in all that
/// follow. The order of rows, the cut into steps and shards, and the ledger are the product's own.
/// </summary>
internal static class Arithmetic
{
    public const int Epochs = 3;
    public const int Shards = 4;
    public const long Seed = 7;

    /// <summary>Ragged: neither the steps of an epoch nor the shards of a step are all alike.</summary>
    public static EpochPlan Plan { get; } = new(22, 5, Shards);

    public static long Steps => Epochs * Plan.Steps;

    /// <summary>Of the undisturbed run: the number after each step.</summary>
    public static IReadOnlyList<ulong> Weights { get; }

    private static readonly KeyedPermutation[] Orders = [.. Enumerable.Range(0, Epochs).Select(epoch => new KeyedPermutation(Plan.Samples, Seed, epoch))];
    private static readonly LedgerEntry Expected = SampleLedger.Expected(Plan.Samples);
    private static readonly double[] Losses = new double[Epochs + 1];

    private static readonly List<byte[]> Trails = [[]];

    static Arithmetic()
    {
        var trail = new StepTrail();
        var weights = new List<ulong> { 0x9E3779B97F4A7C15 };
        for (var epoch = 0; epoch < Epochs; epoch++)
        {
            for (var step = 0L; step < Plan.Steps; step++)
            {
                var parts = Enumerable.Range(0, Shards).Select(shard => Part(weights[^1], epoch, step, shard)).ToArray();
                Losses[epoch + 1] += LossOf(parts);
                trail.Add(LossOf(parts), 0);
                Trails.Add(trail.Record!.Digests);
                weights.Add(Apply(weights[^1], parts));
            }
        }

        Weights = weights;
    }

    /// <summary>Whether these weights and this trail are the undisturbed run's after the step.</summary>
    public static bool IsAfter(long step, ulong weights, StepTrailRecord? trail) => weights == Weights[(int)step] && trail is not null && trail.Digests.AsSpan().SequenceEqual(Trails[(int)step]);

    /// <summary>What one shard adds to a step.</summary>
    public static ShardPart Part(ulong weights, int epoch, long stepOfEpoch, int shard)
    {
        var positions = Plan.Shard(stepOfEpoch, shard);
        var rows = new long[positions.Count];
        var value = Mixing.Finish(weights ^ Mixing.Finish((ulong)shard + 1));
        for (var index = 0; index < rows.Length; index++)
        {
            rows[index] = Orders[epoch][positions.First + index];
            value = Mixing.Finish(value ^ (ulong)rows[index]);
        }

        return new ShardPart(shard, value, rows.Length, SampleLedger.HashOf(rows));
    }

    /// <param name="parts">In shard order.</param>
    public static ulong Apply(ulong weights, IReadOnlyList<ShardPart> parts) => parts.Aggregate(weights, (sum, part) => Mixing.Finish(sum ^ part.Value));

    public static double LossOf(IReadOnlyList<ShardPart> parts) => parts.Sum(part => (double)(part.Value >> 44));

    public static SortedDictionary<string, double> Evaluate(ulong weights) => new(StringComparer.Ordinal) { ["val_loss"] = weights >> 50 };

    public static string HashOf(ulong weights) => weights.ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>Of an epoch of the undisturbed run.</summary>
    public static IReadOnlyDictionary<string, double> MetricsOf(int epoch)
    {
        var metrics = Evaluate(Weights[(int)(epoch * Plan.Steps)]);
        metrics["train_loss"] = Losses[epoch] / Plan.Samples;
        return metrics;
    }

    public static void Check(LedgerEntry ledger, string who)
    {
        if (ledger != Expected)
        {
            throw new Violation($"the ledger of {who} has {ledger.Samples} samples (hash {ledger.Hash}) instead of every one once");
        }
    }

    public static TrainingSpec Spec(Every every) => new() { Epochs = Epochs, Shards = Shards, BatchSize = Plan.BatchSize, Checkpoint = new CheckpointSpec { Every = every } };
}

/// <param name="Rows">Order-free hash of those that it used.</param>
internal readonly record struct ShardPart(int Shard, ulong Value, int Count, ulong Rows);
