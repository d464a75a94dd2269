using Orchestrator.Collectives;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Engine;

/// <summary>
/// The partial sums that a rank keeps: row i ends as the sum of its i-th owned subtree. A row holds a gradient laid out as the weights are, then the changes of the float buffers. Backward
/// accumulates into the row itself.
/// </summary>
internal sealed class PartialRows : IDisposable
{
    private readonly FlatModel model;
    private readonly Tensor all;
    private readonly Tensor[] rows;
    private readonly Tensor[] statistics;
    private readonly Tensor[][] gradients;
    private int bound = -1;

    public PartialRows(FlatModel model, IReadOnlyList<TreeNode> nodes)
    {
        this.model = model;
        Nodes = nodes.Count;
        Gradient = (int)model.Weights.NumberOfElements;
        Stride = Gradient + (int)model.FlatStatistics.NumberOfElements;
        var count = nodes.Select((node, index) => index + Depth(node.End - node.First)).DefaultIfEmpty(0).Max();
        all = zeros([count, Stride], device: model.Device).DetachFromDisposeScope();
        rows = [.. Enumerable.Range(0, count).Select(row => all[row].DetachFromDisposeScope())];
        statistics = [.. rows.Select(row => row.narrow(0, Gradient, Stride - Gradient).DetachFromDisposeScope())];
        gradients = [.. rows.Select(model.ViewsOf)];
    }

    /// <summary>Rows that are sent.</summary>
    public int Nodes { get; }

    /// <summary>Elements of a row that are gradient.</summary>
    public int Gradient { get; }

    /// <summary>Elements of a row.</summary>
    public int Stride { get; }

    public int Count => rows.Length;

    /// <summary>[count, stride], on the device.</summary>
    public Tensor All => all;

    /// <summary>A row's part for the float buffers' changes.</summary>
    public Tensor Statistics(int row) => statistics[row];

    public void Clear(int row) => rows[row].zero_();

    /// <summary>Makes every parameter's gradient a view of the row.</summary>
    public void Bind(int row)
    {
        if (bound != row)
        {
            for (var index = 0; index < model.Parameters.Count; index++)
            {
                model.Parameters[index].Tensor.grad = gradients[row][index];
            }

            bound = row;
        }
    }

    /// <summary>row += next row</summary>
    public void Merge(int row) => rows[row].add_(rows[row + 1]);

    public void Dispose()
    {
        foreach (var tensor in gradients.SelectMany(views => views).Concat(statistics).Concat(rows).Append(all))
        {
            tensor.Dispose();
        }
    }

    /// <summary>Rows that a subtree needs while it is summed.</summary>
    private static int Depth(int shards)
    {
        if (shards <= 2)
        {
            return 1;
        }

        var left = ReductionTree.Split(new TreeNode(0, shards));
        return Math.Max(Depth(left), 1 + Depth(shards - left));
    }
}
