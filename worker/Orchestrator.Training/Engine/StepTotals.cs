using Orchestrator.Collectives;

namespace Orchestrator.Training.Engine;

/// <summary>
/// A step's scalar sums, in double: the loss; what the ledger counts; what ranks tell each other with every step; and the integer buffers' changes (all but the loss exact, below 2^53). They follow the
/// same tree as the gradient.
/// </summary>
internal sealed class StepTotals(RowPlan plan, int counters)
{
    private const int LossColumn = 0;
    private const int SamplesColumn = 1;

    // A sum modulo 2^64, as two sums of 32-bit halves.
    private const int LowHashColumn = 2;
    private const int HighHashColumn = 3;
    private const int StopColumn = 4;
    private const int SwitchColumn = 5;
    private const int LeaveColumn = 6;
    private const int TornColumn = 7;
    private const int Fixed = 8;

    private readonly int width = Fixed + counters;
    private readonly double[] partials = new double[plan.Count * (Fixed + counters)];
    private readonly double[] total = new double[Fixed + counters];

    public double TotalLoss => total[LossColumn];

    public long TotalSamples => (long)total[SamplesColumn];

    public ulong TotalHash => unchecked((ulong)total[LowHashColumn] + ((ulong)total[HighHashColumn] << 32));

    /// <summary>Ranks that were asked to stop.</summary>
    public int Stopping => (int)total[StopColumn];

    /// <summary>Ranks that know what comes after this generation.</summary>
    public int Switching => (int)total[SwitchColumn];

    /// <summary>Ranks that were asked to leave.</summary>
    public int Leaving => (int)total[LeaveColumn];

    /// <summary>Ranks whose gradients changed while they were summed.</summary>
    public int Torn => (int)total[TornColumn];

    public ReadOnlySpan<double> TotalCounterChanges => total.AsSpan(Fixed);

    public ref double Loss(int row) => ref partials[row * width];

    public Span<double> CounterChanges(int row) => partials.AsSpan((row * width) + Fixed, counters);

    /// <summary>The rows of the dataset that a shard has used.</summary>
    public void Use(int row, ReadOnlySpan<long> samples)
    {
        var hash = SampleLedger.HashOf(samples);
        partials[(row * width) + SamplesColumn] += samples.Length;
        partials[(row * width) + LowHashColumn] += (uint)hash;
        partials[(row * width) + HighHashColumn] += (uint)(hash >> 32);
    }

    /// <summary>What this rank tells the others with the step; once its rows are summed. A rank without shards has no say.</summary>
    public void Signal(StepSignals signals, bool torn = false)
    {
        if (plan.Nodes > 0)
        {
            partials[StopColumn] += signals.Stop ? 1 : 0;
            partials[SwitchColumn] += signals.Switch ? 1 : 0;
            partials[LeaveColumn] += signals.Leave ? 1 : 0;
            partials[TornColumn] += torn ? 1 : 0;
        }
    }

    public void Clear(int row) => Row(row).Clear();

    /// <summary>row += next row</summary>
    public void Merge(int row) => Add(row, row + 1);

    /// <summary>Finishes the last subtree's row: as <see cref="PartialRows.Fold"/>.</summary>
    public void Fold()
    {
        if (plan.Nodes == 0)
        {
            return;
        }

        if (plan.Leaf != plan.Last)
        {
            Row(plan.Leaf).CopyTo(Row(plan.Last));
        }

        for (var depth = plan.Lefts - 1; depth >= 0; depth--)
        {
            Add(plan.Last, plan.Left(depth));
        }
    }

    public void Reduce(ICollective collective) => collective.AllReduce<double>(partials.AsSpan(0, plan.Nodes * width), width, total);

    private Span<double> Row(int row) => partials.AsSpan(row * width, width);

    private void Add(int row, int other)
    {
        var sum = Row(row);
        var addend = Row(other);
        for (var index = 0; index < width; index++)
        {
            sum[index] += addend[index];
        }
    }
}

/// <summary>What a rank tells the others with a step.</summary>
/// <param name="Stop">It was asked to stop after the epoch.</param>
/// <param name="Switch">It holds the order for the next generation.</param>
/// <param name="Leave">It was asked to leave after the step.</param>
internal readonly record struct StepSignals(bool Stop, bool Switch, bool Leave);
