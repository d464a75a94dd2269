namespace Orchestrator.Search;

/// <summary>Which of a trial's reports its value is taken from.</summary>
public enum ReportChoice
{
    Best,
    Last,

    /// <summary>The mean of the last few.</summary>
    LastMean,
}

/// <summary>What a trial is worth by its reports so far.</summary>
/// <param name="Last">LastMean: of how many.</param>
public sealed record ReportScore(Goal Goal, ReportChoice Choice = ReportChoice.Best, int Last = 1)
{
    public bool IsBetter(double value, double than) => Goal == Goal.Maximize ? value > than : value < than;

    /// <summary>The value by the first so many reports; null where none of those that count had one.</summary>
    public double? After(IReadOnlyList<double?> reports, int count)
    {
        double? standing = null;
        switch (Choice)
        {
            case ReportChoice.Last:
                return reports[count - 1];
            case ReportChoice.LastMean:
                var (sum, values) = (0.0, 0);
                for (var i = Math.Max(0, count - Last); i < count; i++)
                {
                    (sum, values) = reports[i] is { } value ? (sum + value, values + 1) : (sum, values);
                }

                return values == 0 ? null : sum / values;
            default:
                for (var i = 0; i < count; i++)
                {
                    standing = reports[i] is { } value && (standing is not { } best || IsBetter(value, best)) ? value : standing;
                }

                return standing;
        }
    }
}
