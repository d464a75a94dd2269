using System.Globalization;

namespace Orchestrator.Search;

/// <summary>
/// Ends a trial that has not improved for some epochs: early stopping as in Prechelt, "Early stopping, but when?" (1998), with the criterion of consecutive
/// epochs. Looks at the trial's own reports alone, whatever the objective takes its value from.
/// </summary>
public sealed class PatientStopper(int patience, double minDelta, int minEpochs) : IStopper
{
    public string Name => "patient";

    public string? WhyStop(ReportScore score, ObservedTrial trial, IReadOnlyList<ObservedTrial> trials)
    {
        double? best = null;
        var bestAt = 0;
        for (var i = 0; i < trial.Reports.Count; i++)
        {
            if (trial.Reports[i] is { } value && (best is not { } known || score.IsBetter(value, score.Goal == Goal.Maximize ? known + minDelta : known - minDelta)))
            {
                (best, bestAt) = (value, i + 1);
            }
        }

        var epoch = trial.Reports.Count;
        return epoch >= minEpochs && epoch - bestAt >= patience
            ? string.Create(CultureInfo.InvariantCulture, $"epoch {epoch}: no improvement for {epoch - bestAt} epochs")
            : null;
    }
}
