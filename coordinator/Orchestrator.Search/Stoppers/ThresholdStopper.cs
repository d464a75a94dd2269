using System.Globalization;

namespace Orchestrator.Search;

/// <summary>Ends a trial whose report leaves the bounds that the file gives, or has no finite value.</summary>
public sealed class ThresholdStopper(double? lower, double? upper, int minEpochs) : IStopper
{
    public string Name => "threshold";

    public string? WhyStop(ReportScore score, ObservedTrial trial, IReadOnlyList<ObservedTrial> trials)
    {
        var epoch = trial.Reports.Count;
        return epoch < minEpochs ? null : trial.Reports[^1] switch
        {
            null => string.Create(CultureInfo.InvariantCulture, $"epoch {epoch}: no finite value"),
            { } value when value < lower => string.Create(CultureInfo.InvariantCulture, $"epoch {epoch}: {value:G6} is below {lower:G6}"),
            { } value when value > upper => string.Create(CultureInfo.InvariantCulture, $"epoch {epoch}: {value:G6} is above {upper:G6}"),
            _ => null,
        };
    }
}
