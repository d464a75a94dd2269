using Orchestrator.Specs;

namespace Orchestrator.Training;

/// <summary>
/// Notices the epoch whose metric is better than every one before: its checkpoint is written whatever <c>every</c> says, so that the best value has one. Of
/// equal values the earlier stands. After a resume it begins anew, which costs one write and changes no bit.
/// </summary>
internal sealed class BestEpoch(CheckpointSpec policy)
{
    private readonly string metric = policy.Metric.Length > 0 ? policy.Metric : "val_loss";
    private readonly bool maximize = policy.Goal == "maximize";
    private double best = double.NaN;

    /// <param name="metrics">Of an epoch; those of the epochs before it have been shown.</param>
    public bool Improves(IReadOnlyDictionary<string, double> metrics)
    {
        if (!metrics.TryGetValue(metric, out var value) || (maximize ? value <= best : value >= best))
        {
            return false;
        }

        best = value;
        return true;
    }
}
