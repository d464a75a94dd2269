using Orchestrator.Specs;

namespace Orchestrator.Training;

/// <summary>
/// Notices the epoch whose metric is better than every one before: its checkpoint is written whatever <c>every</c> says, so that the best value has one. Of
/// equal values the earlier stands. After a resume it begins anew, which costs one write and changes no bit.
/// </summary>
internal sealed class BestEpoch(CheckpointSpec policy)
{
    private readonly string metric = policy.MetricOrDefault;
    private readonly bool maximize = policy.Maximizes;

    /// <summary>Whether an epoch with these metrics can be judged.</summary>
    public bool IsIn(IReadOnlyDictionary<string, double> metrics) => metrics.ContainsKey(metric);

    /// <param name="best">Of the epochs before; NaN for none.</param>
    /// <param name="metrics">Of an epoch.</param>
    /// <param name="by">How much better it must be.</param>
    /// <returns>The better value, or null.</returns>
    public double? Better(double best, IReadOnlyDictionary<string, double> metrics, double by = 0) =>
        metrics.TryGetValue(metric, out var value) && !(maximize ? value <= best + by : value >= best - by) ? value : null;
}
