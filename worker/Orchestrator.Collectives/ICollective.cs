namespace Orchestrator.Collectives;

/// <summary>
/// Sums over the shards of a step, in the one order of <see cref="ReductionTree"/>: the same bits whatever the number of ranks. Every
/// rank calls the same
/// operations in the same order. One caller at a time. A peer's death or silence ends every pending and later call with a
/// <see cref="CollectiveException"/> within the deadline.
/// </summary>
public interface ICollective : IAsyncDisposable
{
    int Rank { get; }

    int WorldSize { get; }

    /// <summary>The shards, and which rank owns which.</summary>
    ShardPlan Plan { get; }

    /// <summary>
    /// Adds the partial sums of all ranks along the canonical tree into <paramref name="total"/>, on every rank.
    /// </summary>
    /// <param name="partials">
    /// [nodes, elements]: one row for each of <c>Plan.OwnedNodes(Rank)</c>, in that order, each <c>total.Length</c> elements long,
    /// <paramref name="stride"/> elements apart. Not kept, not written.
    /// </param>
    /// <param name="stride">Elements from one row's begin to the next one's; at least <c>total.Length</c>.</param>
    /// <param name="total">[elements]; may not overlap the partials. float, double, int or long.</param>
    void AllReduce<T>(ReadOnlySpan<T> partials, int stride, Span<T> total)
        where T : unmanaged, System.Numerics.INumber<T>;

    /// <summary>Every rank's bytes, in rank order. Lengths may differ.</summary>
    byte[][] AllGather(ReadOnlySpan<byte> mine);
}
