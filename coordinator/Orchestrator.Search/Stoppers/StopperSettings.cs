namespace Orchestrator.Search;

/// <summary>A stopper with its settings, every default filled in; those that it has no use for are left alone.</summary>
/// <param name="Name">Of <see cref="StopperCatalog"/>.</param>
/// <param name="MinEpochs">asha, successive-halving, hyperband: the epoch of the lowest rung. The others: none is stopped before it.</param>
/// <param name="MaxEpochs">Of a whole trial; 0 where that is not known: hyperband needs it.</param>
/// <param name="Reduction">One in this many goes on from a rung to the next.</param>
/// <param name="Percentile">percentile: which share of the others, in percent, a trial must be among the better ones of.</param>
/// <param name="Startup">median, percentile: how many others must have come as far before anything is stopped.</param>
/// <param name="Patience">patient: epochs without improvement.</param>
/// <param name="MinDelta">patient: what counts as improvement.</param>
/// <param name="Lower">threshold: stopped below it.</param>
/// <param name="Upper">threshold: stopped above it.</param>
public sealed record StopperSettings(
    string Name, int MinEpochs = 1, int MaxEpochs = 0, int Reduction = 3, double Percentile = 50, int Startup = 5, int Patience = 10, double MinDelta = 0,
    double? Lower = null, double? Upper = null)
{
    /// <summary>patient: the stopper whose word counts only once patience is spent; null where patience alone decides.</summary>
    public StopperSettings? Of { get; init; }
}
