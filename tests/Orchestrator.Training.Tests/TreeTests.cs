using CsCheck;
using Orchestrator.Collectives;
using Orchestrator.Training.Engine;
using Orchestrator.Training.Evaluation;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Orchestrator.Training.Tests;

public sealed class TreeTests
{
    [Fact]
    public void Evaluation_sums_do_not_depend_on_who_measured_which_batch() =>
        Gen.Select(Gen.Double[-1, 1].Array[1, 40], Gen.Int[1, 6]).Sample((values, ranks) =>
        {
            var whole = Value(TreeSums.Combine(values.Length, Owned(1)));
            Assert.Equal(whole, Value(TreeSums.Combine(values.Length, Owned(ranks))));

            Dictionary<TreeNode, MetricSums> Owned(int world) => Enumerable.Range(0, world)
                .SelectMany(rank => ReductionTree.Cover(values.Length, new ShardRange(values.Length * rank / world, values.Length * (rank + 1) / world)))
                .ToDictionary(node => node, node => MetricSums.FromBytes(TreeSums.Measure(node, batch => Sums(values[batch])).ToBytes()));
        });

    [Fact]
    public void Metrics_are_numerators_over_denominators()
    {
        var sums = new MetricSums();
        sums.Count("accuracy", 3, 4);
        var more = new MetricSums();
        more.Count("accuracy", 0, 2);
        more.Total("loss", double.NaN, 1);
        more.Count("never", 0, 0);
        sums.Merge(MetricSums.FromBytes(more.ToBytes()));
        var metrics = new Dictionary<string, double>();
        sums.WriteTo(metrics, "val_");
        Assert.Equal(0.5, metrics["val_accuracy"]);
        Assert.True(double.IsNaN(metrics["val_loss"]));
        Assert.Equal(2, metrics.Count);
    }

    [Fact]
    public void A_rank_keeps_log2_of_its_shards_partial_sums()
    {
        Assert.Equal(1, Rows(1, new ShardRange(0, 1)));
        Assert.Equal(1, Rows(2, new ShardRange(0, 2)));
        Assert.Equal(2, Rows(4, new ShardRange(0, 4)));
        Assert.Equal(10, Rows(1024, new ShardRange(0, 1024)));
        Assert.Equal(0, Rows(4, new ShardRange(4, 4)));

        // Not aligned: three subtrees, and what the widest of them needs.
        Assert.InRange(Rows(8, new ShardRange(1, 7)), 3, 4);

        // What can be made again needs one more, where anything is made of several.
        Assert.Equal(2, new RowPlan(ReductionTree.Cover(4, new ShardRange(0, 4))).Count);
        Assert.Equal(3, new RowPlan(ReductionTree.Cover(4, new ShardRange(0, 4)), keepsLeaf: true).Count);
        Assert.Equal(1, new RowPlan(ReductionTree.Cover(4, new ShardRange(2, 4)), keepsLeaf: true).Count);

        int Rows(int shards, ShardRange range) => new RowPlan(ReductionTree.Cover(shards, range)).Count;
    }

    [Fact]
    public void Parameters_and_gradients_are_views_of_flat_tensors()
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        using var plain = nn.Sequential(("a", nn.Linear(3, 5)), ("norm", nn.BatchNorm1d(5)), ("b", nn.Linear(5, 2)));
        manual_seed(5);
        using var module = nn.Sequential(("a", nn.Linear(3, 5)), ("norm", nn.BatchNorm1d(5)), ("b", nn.Linear(5, 2)));
        using var flat = new FlatModel(module, CPU);
        using var rows = new PartialRows(flat, new RowPlan([new TreeNode(0, 1)]));
        rows.Bind(0);
        var input = randn(4, 3);
        plain.forward(input).square().sum().backward();
        module.forward(input).square().sum().backward();

        Assert.True(flat.HasBatchNorm);
        Assert.Equal(["a.weight", "a.bias", "norm.weight", "norm.bias", "b.weight", "b.bias"], flat.Parameters.Select(slot => slot.Name));
        Assert.All(flat.Parameters, slot => Assert.Equal(0, slot.Offset % HostMemory.Alignment));
        foreach (var (slot, expected) in flat.Parameters.Zip(plain.parameters()))
        {
            Assert.True(rows.All[0].narrow(0, rows.Gradient + slot.Offset, slot.Length).view(slot.Shape).equal(expected.grad!).all().ToBoolean());
            Assert.True(flat.Weights.narrow(0, slot.Offset, slot.Length).view(slot.Shape).equal(expected).all().ToBoolean());
        }

        // The running mean moved in the flat tensor, too, and the counter counts.
        Assert.True(flat.FlatStatistics.narrow(0, 0, 5).equal(plain.buffers().First()).all().ToBoolean());
        Assert.Equal(1, HostMemory.Span<long>(flat.FlatCounters)[0]);
        Assert.Equal("norm.weight", flat.NameAt(flat.Parameters[2].Offset + 1));
    }

    private static MetricSums Sums(double value)
    {
        var sums = new MetricSums();
        sums.Total("loss", value, 3);
        return sums;
    }

    private static double Value(MetricSums sums)
    {
        var metrics = new Dictionary<string, double>();
        sums.WriteTo(metrics, "");
        return metrics["loss"];
    }
}
