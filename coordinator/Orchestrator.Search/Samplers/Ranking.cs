namespace Orchestrator.Search;

/// <summary>
/// Which ended trials are better. Feasible ones that ran to their end come first, by their costs; then those stopped early, the ones that came further first,
/// since a stopper lets the better ones go on; then those that miss constraints, by how far; then the failed. Ties go to the lower number.
/// </summary>
internal static class Ranking
{
    private enum Class
    {
        Feasible,
        Stopped,
        Infeasible,
        Failed,
    }

    private static readonly Comparer<Key> ByKey = Comparer<Key>.Create(Compare);

    /// <summary>The numbers of the trials that have ended, best first.</summary>
    public static int[] BestFirst(History history) => BestFirst(history, 0, history.Count);

    /// <summary>
    /// The first so many of those that have ended, and of those that are running or paused and have reported: they stand with the stopped ones, by how far they came.
    /// </summary>
    public static int[] BestInformative(History history, int count)
    {
        if (Array.Exists(history.Costs, costs => costs.Length > 1))
        {
            var all = BestFirst(history, Enumerable.Range(0, history.Count).Where(trial => IsInformative(history, trial)));
            return all[..Math.Min(count, all.Length)];
        }

        // A few of many: each trial is held against the last of those that are kept.
        var best = new List<Key>(count + 1);
        for (var trial = 0; trial < history.Count; trial++)
        {
            if (!IsInformative(history, trial))
            {
                continue;
            }

            var key = KeyOf(history, trial);
            if (best.Count < count || (count > 0 && Compare(key, best[^1]) < 0))
            {
                best.Insert(~best.BinarySearch(key, ByKey), key);
                if (best.Count > count)
                {
                    best.RemoveAt(count);
                }
            }
        }

        return [.. best.Select(key => key.Number)];
    }

    private static bool IsInformative(History history, int trial) => history.States[trial] != ObservedState.Running || !double.IsNaN(history.Partial[trial]);

    /// <summary>The numbers of the trials from one on and below another that have ended, best first.</summary>
    public static int[] BestFirst(History history, int from, int below) =>
        BestFirst(history, Enumerable.Range(from, below - from).Where(trial => history.States[trial] != ObservedState.Running));

    /// <summary>The numbers of the trials from one on and below another by a cost that is asked for, NaN for none, whether they have ended or not; best first.</summary>
    public static (int Trial, double Cost)[] BestFirstAt(History history, int from, int below, Func<int, double> costOf)
    {
        var trials = Enumerable.Range(from, below - from).Select(trial => (Trial: trial, Cost: costOf(trial))).ToArray();
        var keys = Array.ConvertAll(trials, trial => history.States[trial.Trial] == ObservedState.Failed || double.IsNaN(trial.Cost) ? new Key(Class.Failed, 0, 0, trial.Trial)
            : history.Violations[trial.Trial] > 0 ? new Key(Class.Infeasible, history.Violations[trial.Trial], trial.Cost, trial.Trial)
            : new Key(Class.Feasible, 0, trial.Cost, trial.Trial));
        Array.Sort(keys, trials, ByKey);
        return trials;
    }

    private static int[] BestFirst(History history, IEnumerable<int> trials)
    {
        var numbers = trials.ToArray();
        var keys = Array.ConvertAll(numbers, trial => KeyOf(history, trial));
        if (Array.Exists(numbers, trial => history.Costs[trial].Length > 1))
        {
            RankFronts(history, numbers, keys);
        }

        Array.Sort(keys, numbers, ByKey);
        return numbers;
    }

    /// <summary>In place of one cost: the front that the trial is in, and within a front those with more room around them first.</summary>
    private static void RankFronts(History history, int[] numbers, Key[] keys)
    {
        foreach (var peers in Enumerable.Range(0, numbers.Length).Where(i => keys[i].Class != Class.Failed).GroupBy(i => (keys[i].Class, keys[i].First)))
        {
            var members = peers.ToArray();
            var order = ParetoFront.Order([.. members.Select(i => history.Costs[numbers[i]])]);
            for (var rank = 0; rank < order.Length; rank++)
            {
                keys[members[order[rank]]] = keys[members[order[rank]]] with { Cost = rank };
            }
        }
    }

    private static Key KeyOf(History history, int trial)
    {
        var standing = ClassOf(history, trial);
        var first = standing switch { Class.Stopped => -history.TicksOf(trial), Class.Infeasible => history.Violations[trial], _ => 0 };
        var cost = history.States[trial] == ObservedState.Running ? history.Partial[trial] : history.Costs[trial].Length == 1 ? history.Costs[trial][0] : 0;
        return new Key(standing, first, cost, trial);
    }

    private static Class ClassOf(History history, int trial) => history.States[trial] switch
    {
        ObservedState.Failed => Class.Failed,
        _ when history.Violations[trial] > 0 => Class.Infeasible,
        ObservedState.Stopped or ObservedState.Running => Class.Stopped,
        _ => Class.Feasible,
    };

    private static int Compare(Key a, Key b) =>
        a.Class != b.Class ? a.Class.CompareTo(b.Class)
        : a.First != b.First ? a.First.CompareTo(b.First)
        : a.Cost != b.Cost ? a.Cost.CompareTo(b.Cost)
        : a.Number.CompareTo(b.Number);

    private readonly record struct Key(Class Class, double First, double Cost, int Number);
}
