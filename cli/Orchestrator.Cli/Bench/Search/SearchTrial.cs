using System.Diagnostics;
using Orchestrator.Search;

namespace Orchestrator.Cli.Bench.Search;

/// <summary>A sampler on a function, or asked with many trials told: what one line of the search benchmark is made of.</summary>
internal static class SearchTrial
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    /// <summary>The true value of the trial that looked best, after so many trials with some always under way.</summary>
    public static double Best(ISampler sampler, TestFunction function, long seed, int trials, int parallel)
    {
        var observed = new List<ObservedTrial>();
        var best = (Seen: double.PositiveInfinity, True: double.PositiveInfinity);
        for (var told = 0; told < trials; told++)
        {
            while (observed.Count < trials && observed.Count - told < parallel)
            {
                var study = new Study(function.Space, seed, Goal.Minimize, observed);
                var suggestion = sampler.Suggest(study, observed.Count);
                observed.Add(new ObservedTrial(observed.Count, suggestion!.Parameters, ObservedState.Running, [], (double?)null));
            }

            var point = observed[told].Parameters;
            var seen = function.Observe(point, seed, told);
            observed[told] = new ObservedTrial(told, point, ObservedState.Succeeded, [], seen);
            best = seen < best.Seen ? (seen, function.Of(point)) : best;
        }

        return best.True;
    }

    /// <summary>Milliseconds of asks, each told afterwards, with so many random trials before them.</summary>
    public static IReadOnlyList<double> Asks(ISampler sampler, int trials, int parameters, int repeats)
    {
        var space = new SearchSpace([.. Enumerable.Range(0, parameters).Select(i => new Parameter($"x{i}", new ParameterDomain.Uniform(0, 1)))]);
        var observed = new List<ObservedTrial>();
        for (var trial = 0; trial < trials; trial++)
        {
            Tell(observed, SpaceRoom.Draw(space, 0, trial));
        }

        // The same suggestion until what it runs has been compiled for speed, which the runtime does beside the work: a sweep asks far more often than fifty times.
        var began = Stopwatch.GetTimestamp();
        do
        {
            sampler.Suggest(new Study(space, 0, Goal.Minimize, observed), observed.Count);
        }
        while (Stopwatch.GetElapsedTime(began) < WarmUp);

        var times = new List<double>();
        for (var repeat = 0; repeat < repeats; repeat++)
        {
            var start = Stopwatch.GetTimestamp();
            var suggestion = sampler.Suggest(new Study(space, 0, Goal.Minimize, observed), observed.Count)!;
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            Tell(observed, suggestion.Parameters);
        }

        return times;
    }

    private static void Tell(List<ObservedTrial> observed, ParameterAssignment point)
    {
        var value = point.Values.Sum(coordinate => Math.Pow(coordinate.AsNumber()!.Value - 0.3, 2));
        observed.Add(new ObservedTrial(observed.Count, point, ObservedState.Succeeded, [], value));
    }
}
