using Orchestrator.Collectives;

namespace Orchestrator.Training.Engine;

/// <summary>
/// A step's scalar sums, in double: the loss, and the integer buffers' changes (exact up to 2^53). They follow the same tree as the gradient.
/// </summary>
internal sealed class StepTotals(int rows, int nodes, int counters)
{
    private readonly int width = 1 + counters;
    private readonly double[] partials = new double[rows * (1 + counters)];
    private readonly double[] total = new double[1 + counters];

    public double TotalLoss => total[0];

    public ReadOnlySpan<double> TotalCounterChanges => total.AsSpan(1);

    public ref double Loss(int row) => ref partials[row * width];

    public Span<double> CounterChanges(int row) => partials.AsSpan((row * width) + 1, counters);

    public void Clear(int row) => partials.AsSpan(row * width, width).Clear();

    /// <summary>row += next row</summary>
    public void Merge(int row)
    {
        var sum = partials.AsSpan(row * width, width);
        var next = partials.AsSpan((row + 1) * width, width);
        for (var index = 0; index < width; index++)
        {
            sum[index] += next[index];
        }
    }

    public void Reduce(ICollective collective) => collective.AllReduce<double>(partials.AsSpan(0, nodes * width), width, total);
}
