using System.Globalization;

namespace Orchestrator.Search;

/// <summary>
/// Ends a trial whose value so far is worse than a percentile of what the others were worth at the same epoch; at 50 it is the median rule of Golovin et al.,
/// "Google Vizier: a service for black-box optimization" (KDD 2017), section 3.2.2. Unlike there every trial that came as far is compared with, not only those that have
/// ended: of trials that run side by side none has ended when the first of them could be stopped.
/// </summary>
public sealed class PercentileStopper(string name, double percentile, int minEpochs, int startup) : IStopper
{
    public string Name => name;

    public string? WhyStop(ReportScore score, ObservedTrial trial, IReadOnlyList<ObservedTrial> trials)
    {
        var epoch = trial.Reports.Count;
        if (epoch < minEpochs)
        {
            return null;
        }

        var others = new List<double>();
        foreach (var other in trials)
        {
            if (other.Number != trial.Number && other.State != ObservedState.Failed && other.Reports.Count >= epoch && score.After(other.Reports, epoch) is { } value)
            {
                others.Add(value);
            }
        }

        if (others.Count < Math.Max(1, startup))
        {
            return null;
        }

        others.Sort();
        var bar = At(others, score.Goal == Goal.Maximize ? 100 - percentile : percentile);
        var own = score.After(trial.Reports, epoch);
        return own is { } mine && !score.IsBetter(bar, mine)
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"epoch {epoch}: {(own is { } worse ? worse.ToString("G6", CultureInfo.InvariantCulture) : "no value")} is worse than {bar:G6}, the {Share()} of {others.Count} others");
    }

    private string Share() => percentile == 50 ? "median" : string.Create(CultureInfo.InvariantCulture, $"{percentile:G4}th percentile");

    /// <summary>Between the two nearest of the sorted values, in proportion.</summary>
    private static double At(List<double> sorted, double percent)
    {
        var place = percent / 100 * (sorted.Count - 1);
        var below = (int)Math.Floor(place);
        return below + 1 < sorted.Count ? sorted[below] + ((place - below) * (sorted[below + 1] - sorted[below])) : sorted[below];
    }
}
