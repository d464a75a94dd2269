using CsCheck;
using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class SobolTests : SamplerConformance
{
    /// <summary>The first points of the plain sequence in six dimensions, as SciPy 1.15 has them (and Joe and Kuo's own program).</summary>
    private static readonly double[][] FirstPoints =
    [
        [0, 0, 0, 0, 0, 0],
        [0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
        [0.75, 0.25, 0.25, 0.25, 0.75, 0.75],
        [0.25, 0.75, 0.75, 0.75, 0.25, 0.25],
        [0.375, 0.375, 0.625, 0.875, 0.375, 0.125],
        [0.875, 0.875, 0.125, 0.375, 0.875, 0.625],
        [0.625, 0.125, 0.875, 0.625, 0.625, 0.875],
        [0.125, 0.625, 0.375, 0.125, 0.125, 0.375],
    ];

    protected override ISampler Sampler { get; } = new SobolSampler();

    [Fact]
    public void The_plain_sequence_is_the_published_one() => Assert.All(Enumerable.Range(0, 8), index =>
        Assert.Equal(FirstPoints[index], Enumerable.Range(0, 6).Select(dimension => SobolSequence.Plain((uint)index, dimension) / 4294967296.0)));

    /// <summary>By SciPy 1.15.</summary>
    [Theory]
    [InlineData(1000, 20, 0.5224609375)]
    [InlineData(12345, 60, 0.10809326171875)]
    [InlineData(65535, 99, 0.4727630615234375)]
    public void Later_points_and_dimensions_are_the_published_ones(uint index, int dimension, double expected) =>
        Assert.Equal(expected, SobolSequence.Plain(index, dimension) / 4294967296.0);

    [Fact]
    public void Every_slice_of_every_dimension_has_one_of_two_to_the_m_scrambled_points() => Gen.Select(Gen.Long, Gen.Int[0, 99], Gen.UInt[0, 7]).Sample(
        (seed, dimension, block) => Enumerable.Range(0, 64)
            .Select(i => (int)(64 * SobolSequence.Scrambled(seed, (block * 64) + (uint)i, dimension))).Distinct().Count() == 64,
        iter: 200);

    [Fact]
    public void The_first_two_dimensions_are_even_together_in_every_shape_of_box() => Gen.Long.Sample(
        seed => Enumerable.Range(0, 7).All(shape => Enumerable.Range(0, 64)
            .Select(i => (
                (int)((1 << shape) * SobolSequence.Scrambled(seed, (uint)i, 0)),
                (int)((1 << (6 - shape)) * SobolSequence.Scrambled(seed, (uint)i, 1))))
            .Distinct().Count() == 64),
        iter: 50);

    [Fact]
    public void Scrambled_points_are_even_over_seeds()
    {
        // The mean of one point over 4,000 seeds: standard deviation 0.289 / sqrt 4000 = 0.0046.
        var mean = Enumerable.Range(0, 4000).Average(seed => SobolSequence.Scrambled(seed, 5, 3));
        Assert.InRange(mean, 0.5 - 0.023, 0.5 + 0.023);
    }

    [Fact]
    public void It_integrates_better_than_draws()
    {
        // The variance over seeds of the mean of a smooth function at 256 points.
        static double Function(Func<int, double> x) => Enumerable.Range(0, 5).Aggregate(1.0, (product, i) => product * (1 + (x(i) - 0.5)));
        var sobol = Variance(seed => Enumerable.Range(0, 256).Average(point => Function(i => SobolSequence.Scrambled(seed, (uint)point, i))));
        var drawn = Variance(seed => Enumerable.Range(0, 256).Average(point => Function(i => Draws.Unit(seed, point, i))));
        Assert.True(sobol < drawn / 100, $"{sobol} against {drawn}");
    }

    [Fact]
    public void More_parameters_than_the_table_has_are_drawn()
    {
        var space = new SearchSpace([.. Enumerable.Range(0, 130).Select(i => new Parameter($"x{i}", new ParameterDomain.Uniform(0, 1)))]);
        var point = Sampler.Suggest(new Study(space, 1, Goal.Minimize, []), 3)!.Parameters;
        Assert.Equal(130, point.Values.Distinct().Count());
    }

    private static double Variance(Func<int, double> of)
    {
        var values = Enumerable.Range(0, 40).Select(of).ToArray();
        return values.Average(value => (value - values.Average()) * (value - values.Average()));
    }
}
