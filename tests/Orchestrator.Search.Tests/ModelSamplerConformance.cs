using CsCheck;
using Xunit;

namespace Orchestrator.Search.Tests;

/// <summary>What every sampler keeps to that learns from the trials so far.</summary>
public abstract class ModelSamplerConformance : SamplerConformance
{
    /// <summary>A bowl on a log scale, an integer and a category that shifts it.</summary>
    private static readonly SearchSpace Bowl = new(
    [
        new("lr", new ParameterDomain.LogUniform(1e-5, 1)),
        new("width", new ParameterDomain.Integer(1, 32)),
        new("kind", new ParameterDomain.Choice([ParameterValue.Of("a"), ParameterValue.Of("b")])),
    ]);

    /// <summary>How many histories are tried on it.</summary>
    protected virtual int Histories => 30;

    /// <summary>How many trials a test of learning takes.</summary>
    protected virtual int Enough => 60;

    [Fact]
    public void Finds_better_points_than_draws()
    {
        var ours = Enumerable.Range(0, 5).Select(seed => Run(Bowl, Enough, InBowl, seed).Min(point => InBowl(point, 0))).Order().ElementAt(2);
        var drawn = Enumerable.Range(0, 5).Select(seed => Run(new RandomSampler(), Bowl, Enough, InBowl, seed).Min(point => InBowl(point, 0))).Order().ElementAt(2);
        Assert.True(ours < drawn, $"{ours} against {drawn}");
    }

    [Fact]
    public void Maximizing_is_minimizing_the_opposite()
    {
        var down = Run(Bowl, 30, InBowl);
        var up = Run(Sampler, Bowl, 30, (point, trial) => -InBowl(point, trial), 0, Goal.Maximize);
        Assert.Equal(down, up);
    }

    /// <summary>Studies with trials that run, were stopped, failed or miss a constraint, of one to three objectives.</summary>
    [Fact]
    public void Takes_every_history() => Gen.Select(Spaces.Any, Gen.Int[0, 5].Array[30], Gen.Int[1, 3], Gen.Double[-1e6, 1e6].Array[90]).Sample(
        (space, states, goals, values) =>
        {
            var trials = new List<ObservedTrial>();
            for (var number = 0; number < states.Length; number++)
            {
                var study = new Study(space, 4, [.. Enumerable.Repeat(Goal.Minimize, goals)], trials);
                var suggestion = Sampler.Suggest(study, number)!;
                if (!space.Contains(suggestion.Parameters) || !suggestion.Equals(Sampler.Suggest(study with { Trials = [.. trials] }, number)))
                {
                    return false;
                }

                trials.Add(Trial(number, suggestion.Parameters, states[number], values[(number * 3)..((number * 3) + goals)]));
            }

            return true;
        },
        iter: Histories);

    [Fact]
    public void Trials_after_the_suggested_one_are_not_looked_at()
    {
        var all = Observed(Run(Bowl, 40, InBowl), InBowl);
        var study = new Study(Bowl, 0, Goal.Minimize, all);
        Assert.All(new[] { 5, 12, 25, 33 }, trial =>
            Assert.Equal(Sampler.Suggest(study with { Trials = [.. all.Take(trial)] }, trial)!.Parameters, Sampler.Suggest(study, trial)!.Parameters));
    }

    [Fact]
    public void Trials_that_run_beside_each_other_differ()
    {
        var trials = Observed(Run(Bowl, 24, InBowl), InBowl).ToList();
        for (var number = 24; number < 32; number++)
        {
            trials.Add(new ObservedTrial(number, Sampler.Suggest(new Study(Bowl, 0, Goal.Minimize, trials), number)!.Parameters, ObservedState.Running, [], (double?)null));
        }

        Assert.Equal(8, trials.Skip(24).Select(trial => trial.Parameters).Distinct().Count());
    }

    /// <summary>Under ASHA nearly all trials wait at a rung: a sampler that waited for ends would draw for ever.</summary>
    [Fact]
    public void Learns_from_trials_that_are_paused()
    {
        var trials = new List<ObservedTrial>();
        for (var number = 0; number < Enough; number++)
        {
            var parameters = Sampler.Suggest(new Study(Bowl, 3, Goal.Minimize, trials), number)!.Parameters;
            trials.Add(new ObservedTrial(number, parameters, ObservedState.Running, [null, InBowl(parameters, number)], (double?)null) { FirstRest = 2 });
        }

        // Some are tried far off to the end, so that the middle one says more than the mean.
        static double Middle(IEnumerable<ObservedTrial> some) => some.Select(trial => InBowl(trial.Parameters, 0)).Order().ElementAt(some.Count() / 2);
        Assert.True(Middle(trials.Skip(Enough / 2)) < 0.6 * Middle(trials.Take(10)), $"{Middle(trials.Skip(Enough / 2))} after {Middle(trials.Take(10))}");
    }

    [Fact]
    public void Failures_drive_it_away()
    {
        // Every learning rate above 1e-2 diverges, 40 % of the space; of those below none is better.
        var trials = new List<ObservedTrial>();
        for (var number = 0; number < Enough; number++)
        {
            var parameters = Sampler.Suggest(new Study(Bowl, 3, Goal.Minimize, trials), number)!.Parameters;
            var lr = parameters["lr"].AsNumber()!.Value;
            trials.Add(lr > 1e-2
                ? new ObservedTrial(number, parameters, ObservedState.Failed, [], (double?)null)
                : new ObservedTrial(number, parameters, ObservedState.Succeeded, [], Math.Abs(parameters["width"].AsNumber()!.Value - 20)));
        }

        Assert.InRange(trials.Skip(Enough / 2).Count(trial => trial.State == ObservedState.Failed), 0, (int)(0.25 * Enough / 2));
    }

    protected List<ParameterAssignment> Run(SearchSpace space, int trials, Func<ParameterAssignment, int, double> of, long seed = 0) =>
        Run(Sampler, space, trials, of, seed);

    protected static List<ParameterAssignment> Run(
        ISampler sampler, SearchSpace space, int count, Func<ParameterAssignment, int, double> of, long seed, Goal goal = Goal.Minimize)
    {
        var trials = new List<ObservedTrial>();
        while (trials.Count < count)
        {
            var parameters = sampler.Suggest(new Study(space, seed, goal, trials), trials.Count)!.Parameters;
            trials.Add(new ObservedTrial(trials.Count, parameters, ObservedState.Succeeded, [], of(parameters, trials.Count)));
        }

        return [.. trials.Select(trial => trial.Parameters)];
    }

    private static ObservedTrial[] Observed(List<ParameterAssignment> points, Func<ParameterAssignment, int, double> of) =>
        [.. points.Select((point, number) => new ObservedTrial(number, point, ObservedState.Succeeded, [], of(point, number)))];

    private static double InBowl(ParameterAssignment point, int trial)
    {
        var lr = Math.Log10(point["lr"].AsNumber()!.Value) + (point["kind"].ToString() == "a" ? 2 : 3);
        var width = (point["width"].AsNumber()!.Value - 20) / 16;
        return (lr * lr) + (width * width) + (point["kind"].ToString() == "a" ? 0.1 : 0);
    }

    private static ObservedTrial Trial(int number, ParameterAssignment parameters, int state, double[] values) => state switch
    {
        0 => new ObservedTrial(number, parameters, ObservedState.Running, [values[0]], []),
        1 => new ObservedTrial(number, parameters, ObservedState.Failed, [], []),
        2 => new ObservedTrial(number, parameters, ObservedState.Stopped, [values[0], null], values),
        3 => new ObservedTrial(number, parameters, ObservedState.Succeeded, [], values) { Constraints = [0.5, -1] },
        _ => new ObservedTrial(number, parameters, ObservedState.Succeeded, [], values),
    };
}
