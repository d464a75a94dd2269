using Orchestrator.Collectives;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Engine;

/// <summary>
/// The rows of a rank's partial sums. A row holds the changes of the float buffers, then a gradient laid out as the weights are. Backward accumulates into the row itself.
/// </summary>
internal sealed class PartialRows : IDisposable
{
    private readonly FlatModel model;
    private readonly Tensor all;
    private readonly Tensor[] rows;
    private readonly Tensor[] statistics;
    private readonly Tensor[][] gradients;
    private int bound = -1;

    /// <param name="allocate">Gives memory of the host, in bytes; null: torch's own, on the device.</param>
    public PartialRows(FlatModel model, RowPlan plan, Func<long, CollectiveBuffer>? allocate = null)
    {
        this.model = model;
        Plan = plan;
        Gradient = (int)model.FlatStatistics.NumberOfElements;
        Stride = Gradient + (int)model.Weights.NumberOfElements;
        Buffer = allocate?.Invoke(Math.Max(1, (long)plan.Count * Stride) * sizeof(float));
        all = Buffer is null || plan.Count == 0 ? zeros([plan.Count, Stride], device: model.Device).DetachFromDisposeScope() : BufferTensor.Over(Buffer, plan.Count, Stride);
        rows = [.. Enumerable.Range(0, plan.Count).Select(row => all[row].DetachFromDisposeScope())];
        statistics = [.. rows.Select(row => row.narrow(0, 0, Gradient).DetachFromDisposeScope())];
        gradients = [.. rows.Select(GradientViews)];
    }

    public RowPlan Plan { get; }

    /// <summary>The column at which the gradient begins; before it are the float buffers' changes.</summary>
    public int Gradient { get; }

    /// <summary>Elements of a row.</summary>
    public int Stride { get; }

    /// <summary>[count, stride], on the device.</summary>
    public Tensor All => all;

    /// <summary>Their memory, where it was given.</summary>
    public CollectiveBuffer? Buffer { get; }

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

    /// <summary>Finishes columns of the last subtree's row: the leaf, and to it the left halves, the smallest first. Which of two sums comes first in an addition changes no bit.</summary>
    public void Fold(Columns columns)
    {
        if (Plan.Nodes == 0)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        var sum = Of(Plan.Last);
        if (Plan.Leaf != Plan.Last)
        {
            sum.copy_(Of(Plan.Leaf));
        }

        for (var depth = Plan.Lefts - 1; depth >= 0; depth--)
        {
            sum.add_(Of(Plan.Left(depth)));
        }

        Tensor Of(int row) => rows[row].narrow(0, columns.First, columns.Length);
    }

    public void Dispose()
    {
        foreach (var tensor in gradients.SelectMany(views => views).Concat(statistics).Concat(rows).Append(all))
        {
            tensor.Dispose();
        }

        if (rows.Length == 0)
        {
            Buffer?.Dispose();
        }
    }

    private Tensor[] GradientViews(Tensor row)
    {
        using var gradient = row.narrow(0, Gradient, Stride - Gradient);
        return model.ViewsOf(gradient);
    }
}
