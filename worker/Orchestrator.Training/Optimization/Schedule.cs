using Orchestrator.Specs;

namespace Orchestrator.Training.Optimization;

/// <summary>The learning rate's factor by step, a pure function of the step and the run's length. What a plateau adds is <see cref="MetricCourse.RateFactor"/>.</summary>
internal static class Schedule
{
    /// <summary>one-cycle: the peak over the start, and the start over the end (Smith and Topin, "Super-convergence", 2018).</summary>
    private const double Rise = 25;
    private const double Fall = 1e4;

    public static IReadOnlyList<string> Names { get; } = ["constant", "step", "linear", "cosine", "one-cycle", "plateau"];

    /// <exception cref="SpecException">The name is not known.</exception>
    public static void Check(ScheduleSpec spec)
    {
        if (!Names.Contains(spec.Name, StringComparer.Ordinal))
        {
            throw WorkloadContext.Mistake("unknown-value", "training.schedule", $"'{spec.Name}' is no schedule", $"known: {string.Join(", ", Names)}");
        }
    }

    /// <param name="step">From 0 to before <see cref="RunLength.Steps"/>.</param>
    public static double Factor(ScheduleSpec spec, long step, RunLength run)
    {
        if (spec.Name == "one-cycle")
        {
            return OneCycle(step, run.Steps, spec.WarmUp ?? 0.25);
        }

        // A straight rise whose last step has the whole rate already; then the schedule, over what is left.
        var rising = (long)Math.Round((spec.WarmUp ?? 0) * run.Steps, MidpointRounding.AwayFromZero);
        if (step < rising)
        {
            return (step + 1.0) / rising;
        }

        var part = (double)(step - rising) / (run.Steps - rising);
        return spec.Name switch
        {
            "cosine" => spec.Final + ((1 - spec.Final) * ((1 + DeterministicMath.CosPi(part)) / 2)),
            "linear" => 1 + ((spec.Final - 1) * part),
            "step" => DeterministicMath.Power(spec.Factor, step / run.StepsOf(spec.Every!.Value)),
            _ => 1,
        };
    }

    /// <summary>Along half a cosine up to 1, and along another down to almost nothing at the last step.</summary>
    private static double OneCycle(long step, long steps, double warmUp)
    {
        var top = (warmUp * steps) - 1;
        if (step < top)
        {
            return Between(1 / Rise, 1, step / top);
        }

        // A run that is all warm-up, or a single step, has no fall.
        var fallFrom = Math.Max(top, 0);
        var last = steps - 1;
        return last <= fallFrom ? 1 : Between(1, 1 / Rise / Fall, (step - fallFrom) / (last - fallFrom));
    }

    private static double Between(double from, double to, double part) => to + ((from - to) / 2 * (1 + DeterministicMath.CosPi(part)));
}

/// <param name="StepsAnEpoch">At least 1.</param>
internal readonly record struct RunLength(long StepsAnEpoch, long Epochs)
{
    public long Steps => StepsAnEpoch * Epochs;

    public long StepsOf(Every every) => every.Unit == EveryUnit.Epoch ? every.Count * StepsAnEpoch : every.Count;
}
