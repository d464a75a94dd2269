using CsCheck;
using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class CmaEsTests : ModelSamplerConformance
{
    private static readonly double[][][] Generations =
    [
        [[0.225, 0.457, 0.281], [0.906, 0.347, 0.368], [0.511, 0.646, 0.225], [0.936, 0.31, 0.58], [0.232, 0.716, -0.075], [0.419, 0.404, 0.783], [0.438, 0.866, -0.015]],
        [[0.327, 0.401, 0.328], [0.686, 0.452, 0.278], [0.289, 0.332, 0.497], [0.725, 0.329, 0.469], [0.266, 0.433, 0.633], [0.786, 0.725, 0.626], [0.221, 0.559, 0.915]],
    ];

    private static readonly SearchSpace Square = new([.. Enumerable.Range(0, 2).Select(i => new Parameter($"x{i}", new ParameterDomain.Uniform(-1, 1)))]);

    protected override ISampler Sampler { get; } = new CmaEsSampler();

    /// <summary>By the Python library cmaes 0.11.1, told the same two generations.</summary>
    [Fact]
    public void Two_generations_make_the_distribution_that_another_implementation_has()
    {
        var state = CmaEsState.Initial(new CmaEsStrategy(3, 7), [0.5, 0.5, 0.5], 0.2, []);
        foreach (var generation in Generations)
        {
            var before = state;
            state = state.Update(
                Array.ConvertAll(generation, x => x.Select((value, i) => (value - before.Mean[i]) / before.Step).ToArray()),
                Array.ConvertAll(generation, _ => Array.Empty<int>()));
        }

        AssertNear([0.4275050676895594, 0.4075482187397597, 0.3338978378370305], state.Mean);
        Assert.Equal(0.16158764084468016, state.Step, 1e-9);
        AssertNear(
            [
                1.008632570723944, -0.007195203282614887, 0.07873258647458754, -0.007195203282614842, 0.874470213251544, 0.12232835523798852,
                0.07873258647458758, 0.12232835523798852, 0.7085144042218778,
            ],
            [.. state.Covariance.Cast<double>()]);
        AssertNear([-0.3473102136735207, -0.4422062198226088, -0.35129884473739015], state.Path);
        AssertNear([-0.34922972955500187, -0.48368410431138725, -0.450439636242425], state.StepPath);
    }

    [Fact]
    public void Eigenvectors_make_the_matrix_again() => Gen.Int[1, 12].SelectMany(n => Gen.Double[-5, 5].Array[n * n].Select(entries => (n, entries))).Sample((n, entries) =>
    {
        var matrix = new double[n, n];
        for (var i = 0; i < n * n; i++)
        {
            matrix[i / n, i % n] = matrix[i % n, i / n] = entries[Math.Max(i, (i % n * n) + (i / n))];
        }

        var (values, vectors) = SymmetricEigen.Of(matrix);
        return Enumerable.Range(0, n * n).All(i =>
            Math.Abs(Enumerable.Range(0, n).Sum(k => vectors[i / n, k] * values[k] * vectors[i % n, k]) - matrix[i / n, i % n]) < 1e-11
            && Math.Abs(Enumerable.Range(0, n).Sum(k => vectors[k, i / n] * vectors[k, i % n]) - (i / n == i % n ? 1 : 0)) < 1e-12);
    });

    [Fact]
    public void Converges_on_a_narrow_turned_valley()
    {
        double Valley(ParameterAssignment point, int trial)
        {
            var (x, y) = (point["x0"].AsNumber()!.Value - 0.3, point["x1"].AsNumber()!.Value + 0.4);
            return ((x + y) * (x + y) * 1000) + ((x - y) * (x - y));
        }

        Assert.All(new[] { 1, 2, 3 }, seed => Assert.True(Run(Square, 400, Valley, seed).Min(point => Valley(point, 0)) < 1e-8));
    }

    [Fact]
    public void Goes_on_from_elsewhere_where_it_has_converged()
    {
        var reasons = new List<string>();
        var trials = new List<ObservedTrial>();
        for (var number = 0; number < 600; number++)
        {
            var suggestion = Sampler.Suggest(new Study(Square, 1, Goal.Minimize, trials), number)!;
            reasons.Add(suggestion.Reason);
            trials.Add(new ObservedTrial(number, suggestion.Parameters, ObservedState.Succeeded, [], suggestion.Parameters.Values.Sum(value => Math.Pow(value.AsNumber()!.Value, 2))));
        }

        Assert.Contains(reasons, reason => reason.StartsWith("run 2, ", StringComparison.Ordinal) && reason.Contains(" of 12,", StringComparison.Ordinal));
    }

    [Fact]
    public void A_level_next_to_the_best_so_far_stays_likely()
    {
        // The optimum is at 40, and from 8 on every second level is bad: the distribution has to see past one.
        var space = new SearchSpace([new("n", new ParameterDomain.Integer(0, 50)), new("x", new ParameterDomain.Uniform(0, 1))]);
        double Of(ParameterAssignment point, int trial) => Math.Abs(point["n"].AsNumber()!.Value - 40) + point["x"].AsNumber()!.Value;
        Assert.All(new[] { 1, 2, 3 }, seed => Assert.Equal(40, Run(space, 300, Of, seed).MinBy(point => Of(point, 0))!["n"].AsNumber()));
    }

    [Fact]
    public void What_was_drawn_is_found_again_in_parallel_too()
    {
        // With 5 trials under way: every suggestion is that of a fold that begins anew, by a space of its own.
        var trials = new List<ObservedTrial>();
        for (var number = 0; number < 60; number++)
        {
            var done = number - 5;
            if (done >= 0)
            {
                trials[done] = new ObservedTrial(done, trials[done].Parameters, ObservedState.Succeeded, [], trials[done].Parameters["x0"].AsNumber());
            }

            var study = new Study(Square, 1, Goal.Minimize, trials);
            var suggested = Sampler.Suggest(study, number)!;
            var anew = Sampler.Suggest(study with { Space = new SearchSpace(Square.Parameters) }, number)!;
            Assert.Equal(anew, suggested);
            trials.Add(new ObservedTrial(number, suggested.Parameters, ObservedState.Running, [], (double?)null));
        }
    }

    [Fact]
    public void Promotion_changes_no_generation_that_has_counted()
    {
        // Each rests after its first report; a third go on later, and come to something else. The fold that is kept says the same as one that begins anew.
        var (resting, promoted) = (new List<ObservedTrial>(), new List<ObservedTrial>());
        for (var number = 0; number < 80; number++)
        {
            var study = new Study(Square, 1, Goal.Minimize, promoted);
            var suggested = Sampler.Suggest(study, number)!;
            Assert.Equal(Sampler.Suggest(study with { Space = new SearchSpace(Square.Parameters) }, number), suggested);
            Assert.Equal(Sampler.Suggest(study with { Trials = resting }, number), suggested);

            var first = suggested.Parameters["x0"].AsNumber()!.Value;
            resting.Add(new ObservedTrial(number, suggested.Parameters, ObservedState.Running, [first], (double?)null) { FirstRest = 1 });
            promoted.Add(resting[number]);
            if (number % 3 == 0)
            {
                var (earlier, of) = (number / 2, promoted[number / 2]);
                promoted[earlier] = of.Reports.Count == 1
                    ? of with { Reports = [.. of.Reports, -first] }
                    : of with { State = ObservedState.Succeeded, Reports = [.. of.Reports, 2 * first], Values = [2 * first] };
            }
        }

        Assert.Contains("generation 1", Sampler.Suggest(new Study(Square, 1, Goal.Minimize, []), 0)!.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("generation 1 ", Sampler.Suggest(new Study(Square, 1, Goal.Minimize, resting), 80)!.Reason, StringComparison.Ordinal);
        Assert.True(resting.Skip(60).Average(trial => trial.Reports[0]) < -0.8);
    }

    [Fact]
    public void Trials_that_go_on_without_resting_are_waited_for()
    {
        var reported = new List<ObservedTrial>();
        for (var number = 0; number < 20; number++)
        {
            var suggested = Sampler.Suggest(new Study(Square, 1, Goal.Minimize, reported), number)!;
            Assert.Contains("generation 1 ", suggested.Reason, StringComparison.Ordinal);
            reported.Add(new ObservedTrial(number, suggested.Parameters, ObservedState.Running, [0.5], (double?)null));
        }
    }

    [Fact]
    public void Other_results_of_the_same_trials_are_another_history()
    {
        var first = Run(Square, 30, (point, _) => point["x0"].AsNumber()!.Value);
        var second = Run(Square, 30, (point, _) => -point["x0"].AsNumber()!.Value);
        Assert.Equal(first[..6], second[..6]);
        Assert.NotEqual(first[20], second[20]);
        Assert.Equal(first, Run(Square, 30, (point, _) => point["x0"].AsNumber()!.Value));
    }

    private static void AssertNear(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-9));
    }
}
