using System.Runtime.Intrinsics;
using CsCheck;
using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class TpeTests : ModelSamplerConformance
{
    protected override ISampler Sampler { get; } = new TpeSampler();

    [Fact]
    public void A_density_integrates_to_one_over_the_cube() => Gen.Select(Spaces.Any, Gen.Double[0, 1].Array[5].Array[1, 6], Gen.Double[0.1, 1]).Sample(
        (any, units, spread) =>
        {
            var space = new SearchSpace([.. any.Parameters.Select(parameter => parameter with { Prior = BeliefIn(parameter.Domain, spread) })]);
            var points = Array.ConvertAll(units, point => space.Codec.Dimensions.Select(dimension => dimension.Snap(point[dimension.Index])).ToArray());
            double[] weights = [.. points.Select((_, i) => 1.0 + i)];
            return space.Codec.Groups.SelectMany(group => group.Chunk(3)).All(dimensions =>
                Math.Abs(Integral(new ParzenEstimator(dimensions, points, weights, 3, 0.1, 4, believes: true), dimensions, 0, new double[space.Codec.Dimensions.Count]) - 1) < 0.01);
        },
        iter: 60);

    /// <summary>Over levels by counting, for each has the density of the whole of it; over the rest at middles that lie three to the narrowest kernel's width.</summary>
    private static double Integral(ParzenEstimator estimator, Dimension[] dimensions, int first, double[] point)
    {
        if (first == dimensions.Length)
        {
            return Math.Exp(estimator.LogDensity(point));
        }

        const int middles = 32;
        var dimension = dimensions[first];
        var continuous = ParzenEstimator.IsContinuous(dimension);
        var places = continuous ? middles : (int)dimension.Levels!.Value;
        var sum = 0.0;
        for (var place = 0; place < places; place++)
        {
            point[dimension.Index] = continuous ? (place + 0.5) / middles : dimension.Middle(place);
            sum += Integral(estimator, dimensions, first + 1, point);
        }

        return continuous ? sum / middles : sum;
    }

    [Fact]
    public void Draws_follow_the_density()
    {
        var space = new SearchSpace([new("x", new ParameterDomain.Uniform(0, 1)), new("k", new ParameterDomain.Integer(0, 4))]);
        var estimator = new ParzenEstimator(space.Codec.Dimensions, [[0.2, 0.1], [0.3, 0.3], [0.9, 0.9]], [1, 1, 1], 1, 0.05, 4);
        var drawn = new double[5];
        var expected = new double[5];
        for (var probe = 0; probe < 20_000; probe++)
        {
            var (n, point) = (probe, new double[2]);
            estimator.Draw(place => Draws.Unit(9, n, place + 1), point);
            drawn[(int)(5 * point[0])] += 1 / 20_000.0;
            var x = SobolSequence.Scrambled(4, (uint)probe, 0);
            for (var level = 0; level < 5; level++)
            {
                expected[(int)(5 * x)] += Math.Exp(estimator.LogDensity([x, (level + 0.5) / 5])) / 20_000;
            }
        }

        Assert.All(Enumerable.Range(0, 5), bin => Assert.Equal(expected[bin], drawn[bin], 0.02));
    }

    private static ParameterPrior? BeliefIn(ParameterDomain domain, double spread) => domain switch
    {
        ParameterDomain.Constant => null,
        ParameterDomain.Choice choice => new ParameterPrior(null, spread, [.. choice.Options.Select((_, i) => 1.0 + i)]),
        _ => new ParameterPrior(domain.FromUnit(spread / 2), spread, []),
    };

    [Fact]
    public void Draws_of_a_prior_follow_what_is_believed()
    {
        var space = new SearchSpace(
        [
            new("lr", new ParameterDomain.LogUniform(1e-5, 1)) { Prior = new ParameterPrior(ParameterValue.Of(1e-2), 0.1, []) },
            new("kind", new ParameterDomain.Choice([ParameterValue.Of("a"), ParameterValue.Of("b")])) { Prior = new ParameterPrior(null, 0, [3, 1]) },
        ]);
        var (lr, kind) = (new PriorKernel(space.Codec.Dimensions[0], believes: true), new PriorKernel(space.Codec.Dimensions[1], believes: true));
        var drawn = Enumerable.Range(0, 1000).Select(i => lr.Draw((i + 0.5) / 1000)).ToArray();

        // 1e-2 is at three fifths of the logarithm; the bell is narrow enough for the ends not to matter.
        Assert.Equal(0.6, drawn.Average(), 0.002);
        Assert.Equal(0.1, Math.Sqrt(drawn.Average(x => (x - 0.6) * (x - 0.6))), 0.002);
        Assert.Equal(750, Enumerable.Range(0, 1000).Count(i => kind.Draw((i + 0.5) / 1000) < 0.5));
        Assert.Equal((Math.Log(0.75), Math.Log(0.25)), (kind.LogDensity(0.2), kind.LogDensity(0.8)));
    }

    [Theory]
    [InlineData(0.7, true)]
    [InlineData(0.1, false)]
    public void A_good_prior_helps_and_a_wrong_one_is_overcome(double believed, bool helps)
    {
        var plain = new SearchSpace([.. Enumerable.Range(0, 5).Select(i => new Parameter($"x{i}", new ParameterDomain.Uniform(0, 1)))]);
        var believing = new SearchSpace([.. plain.Parameters.Select(parameter => parameter with { Prior = new ParameterPrior(ParameterValue.Of(believed), 0.1, []) })]);
        static double Cost(ParameterAssignment point, int trial) => point.Values.Sum(value => Math.Pow(value.AsNumber()!.Value - 0.72, 2));
        double Best(SearchSpace space, int trials) => Enumerable.Range(0, 7).Select(seed => Run(space, trials, Cost, seed).Min(point => Cost(point, 0))).Order().ElementAt(3);

        if (helps)
        {
            Assert.True(Best(believing, 20) < 0.5 * Best(plain, 20));
        }
        else
        {
            // Six standard deviations off, it is still better than draws.
            var draws = Run(new RandomSampler(), plain, 100, Cost, 1).Min(point => Cost(point, 0));
            Assert.True(Best(believing, 100) < 0.5 * draws);
        }
    }

    [Fact]
    public void Options_change_what_is_suggested_and_the_defaults_are_those_of_the_name()
    {
        var space = new SearchSpace([new("x", new ParameterDomain.Uniform(0, 1))]);
        Suggestion At(ISampler sampler, int trial) => sampler.Suggest(
            new Study(space, 1, Goal.Minimize, [.. Enumerable.Range(0, trial).Select(number => new ObservedTrial(number, SpaceRoom.Draw(space, 5, number), ObservedState.Succeeded, [], number))]), trial)!;
        Assert.Equal(At(new TpeSampler(), 30), At(SamplerCatalog.Find("tpe", new SamplerOptions())!, 30));
        Assert.Equal("start: quasi-random", At(new TpeSampler(new SamplerOptions { Startup = 31 }), 30).Reason);
        Assert.StartsWith("model", At(new TpeSampler(new SamplerOptions { Startup = 4 }), 4).Reason, StringComparison.Ordinal);
        Assert.EndsWith("better 9", At(new TpeSampler(new SamplerOptions { Better = 0.3 }), 30).Reason, StringComparison.Ordinal);
        Assert.Contains("generation 2 of 20,", At(new CmaEsSampler(new SamplerOptions { Population = 20 }), 30).Reason, StringComparison.Ordinal);
        Assert.Contains("start", At(new Nsga2Sampler(new SamplerOptions { Population = 40 }), 30).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void With_trials_in_parallel_the_model_begins_when_half_of_the_first_ones_have_ended()
    {
        var space = new SearchSpace([new("x", new ParameterDomain.Uniform(0, 1))]);
        string At(int ended, int asked) => new TpeSampler().Suggest(
            new Study(space, 1, Goal.Minimize, [.. Enumerable.Range(0, asked).Select(number => number < ended
                ? new ObservedTrial(number, SpaceRoom.Draw(space, 5, number), ObservedState.Succeeded, [], number)
                : new ObservedTrial(number, SpaceRoom.Draw(space, 5, number), ObservedState.Running, [], (double?)null))]), asked)!.Reason;
        Assert.StartsWith("start", At(4, 12), StringComparison.Ordinal);
        Assert.Contains("model", At(5, 12), StringComparison.Ordinal);
        Assert.StartsWith("start", At(8, 9), StringComparison.Ordinal);
        Assert.Contains("model", At(8, 10), StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernels_mass_in_the_cube_is_the_normal_distributions()
    {
        double[] centres = [0, 0.1, 0.5, 0.93, 1, 0.5, 0.5, 0.5];
        foreach (var width in new[] { 0.01, 0.25, 1 })
        {
            for (var i = 0; i < centres.Length; i += 4)
            {
                var four = Vector256.Create(centres, i);
                var scale = Vector256.Create(Math.Sqrt(0.5) / width);
                var (below, inside) = NormalMass.Of(four, Vector256.Create(1 / width));
                var rough = NormalMass.Inside(four * scale, (Vector256<double>.One - four) * scale);
                for (var lane = 0; lane < 4; lane++)
                {
                    var expected = Normal.Cdf((1 - four[lane]) / width) - Normal.Cdf(-four[lane] / width);
                    Assert.Equal(Normal.Cdf(-four[lane] / width), below[lane], 1e-9);
                    Assert.Equal(expected, inside[lane], 1e-9);
                    Assert.Equal(expected, rough[lane], 6e-7);
                }
            }
        }
    }

    /// <summary>Against the formula written down, and in whatever company: points are looked at four at a time, kernels eight.</summary>
    [Fact]
    public void A_density_is_the_weighted_sum_of_its_kernels_whoever_is_asked_for_beside_it() => Gen.Select(Gen.Int[1, 6], Gen.Int[0, 40], Gen.Int[1, 9]).Sample((dimensions, kernels, asked) =>
    {
        var space = new SearchSpace([.. Enumerable.Range(0, dimensions).Select(i => new Parameter($"x{i}", new ParameterDomain.Uniform(0, 1)))]);
        double[] At(int of, int number) => [.. Enumerable.Range(0, dimensions).Select(d => Draws.Unit(of, number, d))];
        double[][] around = [.. Enumerable.Range(0, kernels).Select(number => At(1, number))];
        double[] weights = [.. Enumerable.Range(0, kernels).Select(number => 0.5 + number)];
        var width = Enumerable.Range(0, dimensions).Select(d =>
        {
            var (mean, total) = ((around.Sum(point => point[d]) + 2) / (kernels + 4), kernels + 4.0);
            var variance = (around.Sum(point => (point[d] - mean) * (point[d] - mean)) + (4 * ((1 / 12.0) + ((mean - 0.5) * (mean - 0.5))))) / total;
            return Math.Max(0.6 * Math.Sqrt(variance) * Math.Pow(kernels + 1, -1.0 / (dimensions + 4)), 0.01);
        }).ToArray();
        double Kernel(double[] centre, double[] point) => Enumerable.Range(0, dimensions).Aggregate(1.0, (product, d) => product
            * Math.Exp(Normal.LogDensity((point[d] - centre[d]) / width[d])) / width[d] / (Normal.Cdf((1 - centre[d]) / width[d]) - Normal.Cdf(-centre[d] / width[d])));

        var estimator = new ParzenEstimator(space.Codec.Dimensions, around, weights, 3, 0.01, 4);
        double[][] points = [.. Enumerable.Range(0, asked).Select(number => At(2, number))];
        var logs = new double[asked];
        estimator.LogDensities(points, logs);
        return Enumerable.Range(0, asked).All(i =>
        {
            var expected = Math.Log((3 + Enumerable.Range(0, kernels).Sum(k => weights[k] * Kernel(around[k], points[i]))) / (3 + weights.Sum()));
            return Math.Abs(expected - logs[i]) < 1e-5 && logs[i] == estimator.LogDensity(points[i]);
        });
    });

    [Fact]
    public void Parameters_of_a_condition_learn_from_the_trials_where_it_held()
    {
        // momentum should be 0.95 where there is one; trials without it say nothing about it.
        var suggestions = Run(Spaces.Conditional, 60, (parameters, _) =>
            parameters.TryGetValue("momentum", out var momentum) ? Math.Abs(momentum.AsNumber()!.Value - 0.95) : 0.5);
        var momenta = suggestions.Skip(30).Where(point => point.ContainsKey("momentum")).Select(point => point["momentum"].AsNumber()!.Value).ToArray();
        Assert.True(momenta.Length >= 15, $"{momenta.Length} trials");
        Assert.InRange(momenta.Average(), 0.92, 0.98);
    }

    [Fact]
    public void A_finite_space_is_not_tried_twice_at_a_point()
    {
        var space = new SearchSpace([new("a", new ParameterDomain.Integer(0, 4)), new("b", new ParameterDomain.Integer(0, 4))]);
        var suggestions = Run(space, 24, (parameters, _) => parameters["a"].AsNumber()!.Value);
        Assert.Equal(14, suggestions.Skip(10).Distinct().Count(point => !suggestions.Take(10).Contains(point)));
    }
}
