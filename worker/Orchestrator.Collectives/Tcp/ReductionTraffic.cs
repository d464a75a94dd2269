namespace Orchestrator.Collectives.Tcp;

/// <summary>What an ordered all-reduce over TCP costs, by arithmetic alone.</summary>
/// <param name="Bytes">That a rank sends, headers too.</param>
/// <param name="Messages">That a rank sends.</param>
internal readonly record struct ReductionTraffic(long Bytes, long Messages)
{
    /// <summary>
    /// A short sum: all rows to all. A long one: to every other rank the rows of its share, then this rank's share of the total. With
    /// one row a rank and n ranks that is 2 (n - 1) / n of the payload, whatever n, in 2 (n - 1) messages.
    /// </summary>
    /// <param name="size">Bytes of an element.</param>
    public static ReductionTraffic SentBy(ShardPlan plan, int rank, int elements, int size)
    {
        var (world, rows) = (plan.WorldSize, plan.OwnedNodes(rank).Count);
        var peers = world - 1L;
        if (ReduceOperation.IsOneRound((long)elements * size, world))
        {
            return new ReductionTraffic(peers * (MessageHeader.Size + ((long)rows * elements * size)), peers);
        }

        var mine = ReduceOperation.Share(elements, rank, world).Count;
        var payload = ((long)(elements - mine) * rows) + (peers * mine);
        return new ReductionTraffic((payload * size) + (2 * peers * MessageHeader.Size), 2 * peers);
    }
}
