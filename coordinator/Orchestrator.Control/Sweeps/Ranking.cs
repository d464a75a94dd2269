using System.Collections.Immutable;

namespace Orchestrator.Control.Sweeps;

/// <summary>Which of two trials is the better one.</summary>
public static class Ranking
{
    /// <summary>Below zero where the first is better. Both have values; ties go to the earlier epoch, then to the lower trial.</summary>
    public static int Compare(Objective objective, Trial first, Trial second)
    {
        var (a, b) = (first.Value!.Value, second.Value!.Value);
        return objective.IsBetter(a, b) ? -1
            : objective.IsBetter(b, a) ? 1
            : first.Standing!.Epoch != second.Standing!.Epoch ? first.Standing.Epoch.CompareTo(second.Standing.Epoch)
            : first.Number.CompareTo(second.Number);
    }

    /// <summary>The numbers of the best trials; fewer where fewer have a value.</summary>
    public static ImmutableSortedSet<int> Best(SweepState state, int count) =>
    [
        .. state.Trials
            .Where(trial => trial.Value is not null)
            .Order(Comparer<Trial>.Create((first, second) => Compare(state.Settings!.Objective, first, second)))
            .Take(count)
            .Select(trial => trial.Number),
    ];
}
