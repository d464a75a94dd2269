using System.Collections.Immutable;
using Orchestrator.Search;

namespace Orchestrator.Control.Sweeps;

/// <summary>Which trials are the better ones.</summary>
public static class Ranking
{
    /// <summary>
    /// Below zero where the first is better by the first objective. Both have values; one that keeps the constraints is better than one that does not, and of two that
    /// don't the one that misses them by less. Ties go to the earlier epoch, then to the lower trial.
    /// </summary>
    public static int Compare(SweepSettings settings, Trial first, Trial second)
    {
        var objective = settings.Objective;
        var (a, b) = (first.Value!.Value, second.Value!.Value);
        var (missed, other) = settings.Constraints.Count == 0 ? (0, 0) : (Violation(settings, first), Violation(settings, second));
        return missed != other ? missed.CompareTo(other)
            : objective.IsBetter(a, b) ? -1
            : objective.IsBetter(b, a) ? 1
            : first.Standing!.Epoch != second.Standing!.Epoch ? first.Standing.Epoch.CompareTo(second.Standing.Epoch)
            : first.Number.CompareTo(second.Number);
    }

    /// <summary>The numbers of the best trials by the first objective; fewer where fewer have a value. With several objectives those of the Pareto front go first.</summary>
    public static ImmutableSortedSet<int> Best(SweepState state, int count)
    {
        var settings = state.Settings!;
        var front = settings.Others.Count == 0 ? [] : Front(state).ToHashSet();
        return
        [
            .. state.Trials
                .Where(trial => trial.Value is not null)
                .OrderBy(trial => !front.Contains(trial.Number))
                .ThenBy(trial => trial, Comparer<Trial>.Create((first, second) => Compare(settings, first, second)))
                .Take(count)
                .Select(trial => trial.Number),
        ];
    }

    /// <summary>The trials that no other beats in one objective without losing in another; where any keeps the constraints, only such. By number.</summary>
    public static IReadOnlyList<int> Front(SweepState state)
    {
        var settings = state.Settings!;
        var goals = settings.Goals;
        var points = state.Trials.Where(trial => trial.Value is not null).Select(trial => (trial.Number, Values: ValuesOf(settings, trial), Missed: Violation(settings, trial)))
            .Where(point => point.Values is not null).ToArray();
        if (points.Any(point => point.Missed <= 0))
        {
            points = [.. points.Where(point => point.Missed <= 0)];
        }

        var front = new List<(int Number, double[] Values)>();
        foreach (var point in points)
        {
            if (!front.Exists(other => Dominates(other.Values, point.Values!)))
            {
                front.RemoveAll(other => Dominates(point.Values!, other.Values));
                front.Add((point.Number, point.Values!));
            }
        }

        return [.. front.Select(point => point.Number)];

        bool Dominates(double[] first, double[] second)
        {
            var better = false;
            for (var i = 0; i < goals.Count; i++)
            {
                var (a, b) = goals[i] == Goal.Maximize ? (-first[i], -second[i]) : (first[i], second[i]);
                if (a > b)
                {
                    return false;
                }

                better |= a < b;
            }

            return better;
        }
    }

    /// <summary>One value for each objective, all of the report that counts; null while the trial has none, or where that report lacks one.</summary>
    public static double[]? ValuesOf(SweepSettings settings, Trial trial)
    {
        if (trial.Value is not { } first)
        {
            return null;
        }

        var values = new double[1 + settings.Others.Count];
        values[0] = first;
        for (var i = 0; i < settings.Others.Count; i++)
        {
            if (settings.Others[i].In(trial.Standing!.Metrics) is not { } value)
            {
                return null;
            }

            values[i + 1] = value;
        }

        return values;
    }

    /// <summary>One number for each constraint, at most 0 where it holds; none while the trial has no value.</summary>
    public static IReadOnlyList<double> ViolationsOf(SweepSettings settings, Trial trial) =>
        settings.Constraints.Count == 0 || trial.Value is null ? [] : [.. settings.Constraints.Select(constraint => constraint.MissedBy(trial.Standing!.Metrics))];

    private static double Violation(SweepSettings settings, Trial trial) =>
        settings.Constraints.Sum(constraint => Math.Max(0, constraint.MissedBy(trial.Standing!.Metrics)));
}
