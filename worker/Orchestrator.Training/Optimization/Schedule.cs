using Orchestrator.Specs;

namespace Orchestrator.Training.Optimization;

/// <summary>The learning rate's factor by step, a pure function of the step and the run's length.</summary>
internal static class Schedule
{
    /// <summary>one-cycle: the peak over the start, and the start over the end (Smith and Topin, "Super-convergence", 2018).</summary>
    private const double Rise = 25;
    private const double Fall = 1e4;

    public static IReadOnlyList<string> Names { get; } = ["constant", "cosine", "one-cycle"];

    /// <exception cref="SpecException">The name is not known.</exception>
    public static void Check(ScheduleSpec spec)
    {
        if (!Names.Contains(spec.Name, StringComparer.Ordinal))
        {
            throw WorkloadContext.Mistake("unknown-value", "training.schedule", $"'{spec.Name}' is no schedule", $"known: {string.Join(", ", Names)}");
        }
    }

    /// <param name="step">From 0 to before <paramref name="steps"/>.</param>
    /// <param name="steps">Of the whole run.</param>
    public static double Factor(ScheduleSpec spec, long step, long steps) => spec.Name switch
    {
        "cosine" => (1 + DeterministicMath.CosPi((double)step / steps)) / 2,
        "one-cycle" => OneCycle(step, steps, spec.WarmUp),
        _ => 1,
    };

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
