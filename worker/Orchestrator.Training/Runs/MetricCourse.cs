using Orchestrator.Specs;

namespace Orchestrator.Training;

/// <summary>
/// What the metric that chooses the best epoch has done so far, as early stopping and the plateau schedule see it: it decides what follows, so it goes with the state and into checkpoints.
/// </summary>
/// <param name="StopBest">The best value that counted for early stopping; NaN before the first.</param>
/// <param name="StopWaited">Epochs since.</param>
/// <param name="PlateauBest">The same for the plateau schedule.</param>
/// <param name="PlateauWaited">Epochs since, or since the rate fell.</param>
/// <param name="RateFactor">What the plateau schedule multiplies the learning rate by.</param>
public sealed record MetricCourse(double StopBest, int StopWaited, double PlateauBest, int PlateauWaited, double RateFactor)
{
    public static MetricCourse Beginning { get; } = new(double.NaN, 0, double.NaN, 0, 1);

    /// <summary>After an epoch. One that measured nothing to judge by does not count.</summary>
    /// <param name="metrics">Of the epoch.</param>
    public MetricCourse After(IReadOnlyDictionary<string, double> metrics, TrainingSpec training)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        ArgumentNullException.ThrowIfNull(training);
        var best = new BestEpoch(training.Checkpoint);
        if (!best.IsIn(metrics))
        {
            return this;
        }

        var course = this;
        if (training.EarlyStopping is { } stopping)
        {
            course = best.Better(StopBest, metrics, stopping.MinDelta) is { } better
                ? course with { StopBest = better, StopWaited = 0 }
                : course with { StopWaited = StopWaited + 1 };
        }

        if (training.Schedule is { Name: "plateau" } schedule)
        {
            course = best.Better(PlateauBest, metrics) is { } better
                ? course with { PlateauBest = better, PlateauWaited = 0 }
                : PlateauWaited + 1 < schedule.Patience
                    ? course with { PlateauWaited = PlateauWaited + 1 }
                    : course with { PlateauWaited = 0, RateFactor = RateFactor * schedule.Factor };
        }

        return course;
    }

    /// <summary>Whether the run is to end before its last epoch.</summary>
    public bool IsExhausted(TrainingSpec training)
    {
        ArgumentNullException.ThrowIfNull(training);
        return training.EarlyStopping is { } stopping && StopWaited >= stopping.Patience;
    }
}
