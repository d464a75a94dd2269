using System.Globalization;

namespace Orchestrator.Search;

/// <summary>
/// Ends a trial that has not improved for some epochs: early stopping as in Prechelt, "Early stopping, but when?" (1998), with the criterion of consecutive
/// epochs. Looks at the trial's own reports alone, whatever the objective takes its value from. Around another stopper it gives trials time: that one's word
/// counts only while the trial does not improve.
/// </summary>
/// <param name="wrapped">Must want the trial's end too; null where patience alone decides.</param>
public sealed class PatientStopper(int patience, double minDelta, int minEpochs, IStopper? wrapped = null) : IStopper
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
        if (epoch < minEpochs || epoch - bestAt < patience)
        {
            return null;
        }

        var why = string.Create(CultureInfo.InvariantCulture, $"no improvement for {epoch - bestAt} epochs");
        return wrapped is null ? string.Create(CultureInfo.InvariantCulture, $"epoch {epoch}: {why}")
            : wrapped.WhyStop(score, trial, trials) is { } other ? $"{other}; {why}"
            : null;
    }
}
