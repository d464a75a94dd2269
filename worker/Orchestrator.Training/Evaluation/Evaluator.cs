using System.Runtime.InteropServices;
using System.Text.Json;
using Orchestrator.Collectives;
using Orchestrator.Data;
using Orchestrator.Data.Sampling;
using Orchestrator.Training.Engine;
using Orchestrator.Training.Input;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Evaluation;

/// <summary>
/// Measures a split in numbered batches that no worker count changes: every row once, no padding. Each rank takes a contiguous range of batches; sums follow the tree over the batch numbers.
/// </summary>
internal sealed class Evaluator(Workload workload, FlatModel model, DatasetManifest manifest, long seed)
{
    /// <summary>Rows of a batch at most; part of what decides the bits.</summary>
    public const int BatchRows = 256;

    /// <param name="prefix">Of the metrics' names: <c>val_</c>.</param>
    /// <param name="detailed">Metrics per class too.</param>
    /// <param name="alive">Called for every batch.</param>
    /// <returns>Empty where the split has no rows.</returns>
    public SortedDictionary<string, double> Run(DatasetSplit split, string prefix, bool detailed, ICollective collective, Action alive, CancellationToken cancellationToken)
    {
        using var scope = NewDisposeScope();
        var metrics = new SortedDictionary<string, double>(StringComparer.Ordinal);
        var plan = new EpochPlan(split.Rows, BatchRows, 1);
        if (plan.Steps == 0)
        {
            return metrics;
        }

        var batches = checked((int)plan.Steps);
        var range = RangeOf(batches, collective.Rank, collective.WorldSize);
        var rows = new List<float>();
        var columns = 0;
        var mine = ReductionTree.Cover(batches, range);
        var sums = new List<MetricSums>();
        using (var loader = Open(split, plan, range, cancellationToken))
        {
            model.Module.eval();
            using var untracked = no_grad();
            foreach (var node in mine)
            {
                sums.Add(TreeSums.Measure(node, batch =>
                {
                    alive();
                    return MeasureBatch(loader, batch, detailed, rows, ref columns);
                }));
            }
        }

        Combine(collective, batches, sums).WriteTo(metrics, prefix);
        Score(collective, rows, columns, prefix, metrics);
        return metrics;
    }

    private MetricSums MeasureBatch(BatchLoader loader, int number, bool detailed, List<float> rows, ref int columns)
    {
        using var scope = NewDisposeScope();
        using var loaded = loader.Next();
        var sums = new MetricSums { Detailed = detailed };
        DeterministicDevice.Seed(new CounterRandom(seed, RandomStream.Evaluation, number).NextUInt64(), model.Device);
        var batch = workload.Prepare(loaded.Batch!);
        var output = workload.Forward(batch);
        sums.Total("loss", workload.Loss(output, batch).ToDouble(), batch.Count);
        workload.Measure(output, batch, sums);
        if (workload.Rows(output, batch) is { } values)
        {
            columns = checked((int)(values.NumberOfElements / batch.Count));
            rows.AddRange(HostMemory.Span<float>(values.to(ScalarType.Float32).cpu().contiguous()));
        }

        return sums;
    }

    private static MetricSums Combine(ICollective collective, int batches, List<MetricSums> mine)
    {
        var all = collective.AllGather(JsonSerializer.SerializeToUtf8Bytes(mine.Select(sums => sums.ToBytes())));
        var owned = new Dictionary<TreeNode, MetricSums>();
        for (var rank = 0; rank < all.Length; rank++)
        {
            var nodes = ReductionTree.Cover(batches, RangeOf(batches, rank, all.Length));
            foreach (var (node, bytes) in nodes.Zip(JsonSerializer.Deserialize<byte[][]>(all[rank])!))
            {
                owned.Add(node, MetricSums.FromBytes(bytes));
            }
        }

        return TreeSums.Combine(batches, owned);
    }

    /// <summary>Ranks own contiguous ranges, so rank order is row order.</summary>
    private void Score(ICollective collective, List<float> rows, int columns, string prefix, SortedDictionary<string, double> metrics)
    {
        var all = collective.AllGather(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(rows)));
        var widths = collective.AllGather(BitConverter.GetBytes(columns)).Max(bytes => BitConverter.ToInt32(bytes));
        if (widths == 0)
        {
            return;
        }

        var scores = new Dictionary<string, double>(StringComparer.Ordinal);
        workload.Score(MemoryMarshal.Cast<byte, float>(all.SelectMany(bytes => bytes).ToArray()), widths, scores);
        foreach (var (name, value) in scores)
        {
            metrics[prefix + name] = value;
        }
    }

    private BatchLoader Open(DatasetSplit split, EpochPlan plan, ShardRange range, CancellationToken cancellationToken)
    {
        var features = workload.Inputs.Select(input => new FeatureEncoder(input, manifest, [])).ToArray();
        var requests = Enumerable.Range(range.First, range.Count).Select(batch => new BatchRequest(plan.Step(batch), Order: null, Epoch: 0));
        return new BatchLoader(split, manifest.Target, features, requests, plan.GreatestStep, ahead: 2, seed, model.Device, cancellationToken);
    }

    private static ShardRange RangeOf(int batches, int rank, int ranks) =>
        new((int)((long)batches * rank / ranks), (int)((long)batches * (rank + 1) / ranks));
}
