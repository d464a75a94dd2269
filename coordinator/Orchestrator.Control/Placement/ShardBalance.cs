namespace Orchestrator.Control.Placement;

/// <summary>
/// How many shards each member of a gang computes. A step takes as long as its slowest member, so whoever takes twice as long for a shard gets half as many. Which bits come out does not depend on it.
/// </summary>
public static class ShardBalance
{
    /// <summary>A change costs the gang its connections and what it had read ahead: less than a tenth of a step's time is not worth it.</summary>
    private const double LeastGain = 0.1;

    /// <summary>Nor is less than this over all the steps that are left.</summary>
    private static readonly TimeSpan LeastSaved = TimeSpan.FromSeconds(1);

    /// <param name="present">Shards of each member, in rank order.</param>
    /// <param name="paces">Seconds that each takes for one shard.</param>
    /// <returns>Shards of each member, at least one; null where it is best to leave them as they are.</returns>
    public static IReadOnlyList<int>? Of(IReadOnlyList<int> present, IReadOnlyList<double> paces, long stepsLeft)
    {
        ArgumentNullException.ThrowIfNull(present);
        ArgumentNullException.ThrowIfNull(paces);
        if (present.Count < 2 || present.Count != paces.Count || !paces.All(pace => pace > 0 && double.IsFinite(pace)))
        {
            return null;
        }

        var best = Fastest(present.Sum(), paces);
        var (before, after) = (StepSeconds(present, paces), StepSeconds(best, paces));
        return after < before * (1 - LeastGain) && (before - after) * stepsLeft > LeastSaved.TotalSeconds ? best : null;
    }

    /// <summary>Of the slowest member.</summary>
    public static double StepSeconds(IReadOnlyList<int> shards, IReadOnlyList<double> paces)
    {
        ArgumentNullException.ThrowIfNull(shards);
        ArgumentNullException.ThrowIfNull(paces);
        return shards.Select((count, rank) => count * paces[rank]).Max();
    }

    /// <summary>Each further shard goes to whoever has done with it first; of equals to the lowest rank. No other way has a faster slowest member.</summary>
    private static int[] Fastest(int shards, IReadOnlyList<double> paces)
    {
        var counts = new int[paces.Count];
        Array.Fill(counts, 1);
        for (var left = shards - counts.Length; left > 0; left--)
        {
            var next = Enumerable.Range(0, counts.Length).MinBy(rank => (counts[rank] + 1) * paces[rank]);
            counts[next]++;
        }

        return counts;
    }
}
