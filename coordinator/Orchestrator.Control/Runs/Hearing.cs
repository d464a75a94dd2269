namespace Orchestrator.Control.Runs;

/// <summary>A rank waits, and what it says to another, or that one to it, does not arrive.</summary>
public readonly record struct Silence(int Rank, int Peer);

/// <summary>Two agents whose trainers did not hear each other: for a while they are not put into one gang again.</summary>
/// <param name="Times">How often so far: each time it is for twice as long.</param>
public sealed record CutOff(string Agent, string Peer, int Times, DateTimeOffset Until);

/// <summary>
/// Who goes on where a network is cut: the largest set of members that all hear each other; of several as large the one with the lowest rank. Deterministic, and nobody is blamed for being waited for.
/// </summary>
public static class Hearing
{
    private static readonly TimeSpan FirstSpell = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LongestSpell = TimeSpan.FromMinutes(10);

    /// <summary>Beyond so many sets looked at the largest so far is it; only networks with very many cuts at once need more.</summary>
    private const int MostLooks = 100_000;

    /// <param name="ranks">In ascending order.</param>
    /// <param name="silences">Either way is enough: they need to hear each other.</param>
    /// <param name="holders">Ranks that have the run's state; the set has one of them.</param>
    /// <returns>In ascending order; empty where there is no holder.</returns>
    public static IReadOnlyList<int> Largest(IReadOnlyList<int> ranks, IReadOnlyCollection<Silence> silences, IReadOnlyCollection<int> holders)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        ArgumentNullException.ThrowIfNull(silences);
        ArgumentNullException.ThrowIfNull(holders);
        var apart = silences.SelectMany(silence => new[] { (silence.Rank, silence.Peer), (silence.Peer, silence.Rank) }).ToHashSet();
        var best = new List<int>();
        var looks = 0;
        Grow([], [.. ranks]);
        return best;

        // In lexicographic order: of equal ones the first stays.
        void Grow(List<int> chosen, List<int> open)
        {
            if (++looks > MostLooks || chosen.Count + open.Count <= best.Count)
            {
                return;
            }

            var index = open.FindIndex(rank => open.Exists(other => apart.Contains((rank, other))));
            if (index < 0)
            {
                List<int> all = [.. chosen.Concat(open).Order()];
                best = all.Exists(holders.Contains) ? all : best;
                return;
            }

            var torn = open[index];
            Grow([.. chosen, torn], open.FindAll(rank => rank != torn && !apart.Contains((torn, rank))));
            Grow(chosen, open.FindAll(rank => rank != torn));
        }
    }

    /// <summary>What is known once more pairs turned out not to hear each other.</summary>
    public static IEnumerable<CutOff> After(IReadOnlyCollection<CutOff> known, IReadOnlyCollection<(string Agent, string Peer)> pairs, DateTimeOffset at)
    {
        ArgumentNullException.ThrowIfNull(known);
        ArgumentNullException.ThrowIfNull(pairs);
        var apart = pairs.Select(pair => string.CompareOrdinal(pair.Agent, pair.Peer) < 0 ? pair : (Agent: pair.Peer, Peer: pair.Agent)).Distinct().ToArray();
        return known.Where(cut => !apart.Contains((cut.Agent, cut.Peer))).Concat(apart.Select(pair =>
        {
            var times = known.FirstOrDefault(cut => (cut.Agent, cut.Peer) == pair)?.Times ?? 0;
            var spell = FirstSpell * Math.Pow(2, Math.Min(times, 16));
            return new CutOff(pair.Agent, pair.Peer, times + 1, at + (spell < LongestSpell ? spell : LongestSpell));
        }));
    }
}
