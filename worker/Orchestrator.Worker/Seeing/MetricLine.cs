using System.Globalization;

namespace Orchestrator.Worker.Seeing;

/// <summary>Metrics as people read them, in a log or on a terminal.</summary>
internal static class MetricLine
{
    /// <returns>In the order of their names, to four decimals.</returns>
    public static string Of(IReadOnlyDictionary<string, double> metrics) => string.Join(
        "  ", metrics.OrderBy(metric => metric.Key, StringComparer.Ordinal).Select(metric => string.Create(CultureInfo.InvariantCulture, $"{metric.Key} {metric.Value:0.0000}")));
}
