using CsCheck;
using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class TpeTests : ModelSamplerConformance
{
    protected override ISampler Sampler { get; } = new TpeSampler();

    [Fact]
    public void A_density_integrates_to_one_over_the_cube() => Gen.Select(Spaces.Any, Gen.Double[0, 1].Array[5].Array[1, 6]).Sample(
        (space, units) =>
        {
            var group = space.Codec.Groups.FirstOrDefault();
            if (group is null)
            {
                return true;
            }

            var points = Array.ConvertAll(units, point => space.Codec.Dimensions.Select(dimension => dimension.Snap(point[dimension.Index])).ToArray());
            var estimator = new ParzenEstimator(group, points, [.. points.Select((_, i) => 1.0 + i)], 1, 0.1, 4);

            // Over levels by counting, over the rest at quasi-random points: each has the share of its level, and the density is that of the whole level.
            var sum = 0.0;
            for (var probe = 0u; probe < 1024; probe++)
            {
                var point = new double[space.Codec.Dimensions.Count];
                var shares = 1.0;
                foreach (var dimension in group)
                {
                    var coordinate = SobolSequence.Scrambled(1, probe, dimension.Index);
                    point[dimension.Index] = coordinate;
                    if (dimension.Levels is not null)
                    {
                        var domain = dimension.Parameter.Domain;
                        var level = domain.LevelOf(coordinate);
                        shares *= domain.LevelEdge(level + 1) - domain.LevelEdge(level);
                    }
                }

                sum += Math.Exp(estimator.LogDensity(point)) / shares;
            }

            return Math.Abs((sum / 1024) - 1) < 0.1;
        },
        iter: 60);

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

    [Fact]
    public void A_kernels_mass_in_the_cube_is_the_normal_distributions()
    {
        double[] masses = [1, 1, 1, 1, 1];
        double[] centres = [0, 0.1, 0.5, 0.93, 1];
        NormalMass.Multiply(centres, 0.25, masses);
        Assert.All(centres.Zip(masses), pair =>
            Assert.Equal(Normal.Cdf((1 - pair.First) / 0.25) - Normal.Cdf(-pair.First / 0.25), pair.Second, 1e-9));
    }

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
