namespace Orchestrator.Data.Sampling;

/// <summary>Positions of an epoch's order, from <paramref name="First"/> to before <paramref name="End"/>.</summary>
public readonly record struct PositionRange(long First, long End)
{
    public int Count => (int)(End - First);
}

/// <summary>
/// How an epoch is cut: ceil(samples / batch) steps whose sizes differ by one at most, each into shards whose sizes differ by one at
/// most. A function of the three numbers alone.
/// A position is an index of the epoch's order; <see cref="KeyedPermutation"/> turns it into a row.
/// </summary>
public sealed record EpochPlan
{
    /// <param name="samples">Rows of the split; 0 gives no step.</param>
    /// <param name="batchSize">Samples of a step at most, over all shards.</param>
    public EpochPlan(long samples, int batchSize, int shards)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(samples);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(shards, 1);
        Samples = samples;
        BatchSize = batchSize;
        Shards = shards;
        Steps = (samples / batchSize) + (samples % batchSize == 0 ? 0 : 1);
    }

    public long Samples { get; }

    public int BatchSize { get; }

    public int Shards { get; }

    /// <summary>Steps of an epoch.</summary>
    public long Steps { get; }

    /// <summary>The largest step's samples.</summary>
    public int GreatestStep => Steps == 0 ? 0 : (int)((Samples + Steps - 1) / Steps);

    /// <summary>The largest shard's samples: the size to allocate for.</summary>
    public int GreatestShard => (GreatestStep + Shards - 1) / Shards;

    /// <param name="step">From 0 to before <see cref="Steps"/>, within the epoch.</param>
    public PositionRange Step(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(step, Steps);
        return new PositionRange(Cut(Samples, step, Steps), Cut(Samples, step + 1, Steps));
    }

    /// <summary>Empty where the step has fewer samples than shards.</summary>
    public PositionRange Shard(long step, int shard)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(shard);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(shard, Shards);
        var whole = Step(step);
        return new PositionRange(whole.First + Cut(whole.Count, shard, Shards), whole.First + Cut(whole.Count, shard + 1, Shards));
    }

    private static long Cut(long length, long part, long parts) => (long)((Int128)length * part / parts);
}
