using CsCheck;
using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class GpTests : ModelSamplerConformance
{
    private static readonly SearchSpace Plane = new([.. Enumerable.Range(0, 2).Select(i => new Parameter($"x{i}", new ParameterDomain.Uniform(0, 1)))]);

    private static readonly double[][] Points = [[.1, .2], [.4, .9], [.8, .3], [.6, .6]];

    private static readonly double[] Values = [.5, -1, .8, -.3];

    private static readonly GpHyperparameters Hyper = new([.5, 1.2], 1.3, .01);

    protected override ISampler Sampler { get; } = new GpSampler();

    protected override int Histories => 6;

    protected override int Enough => 40;

    /// <summary>By NumPy 2.2, from the textbook's formulas.</summary>
    [Fact]
    public void The_posterior_is_the_textbooks()
    {
        var (features, columns) = Columns();
        var means = new double[1];
        var variance = new GpPosterior(features, columns, Values, [[]], Hyper).At([.5, .5], means, null, null);
        Assert.Equal(-0.35513892928194063, means[0], 1e-12);
        Assert.Equal(0.05629696661271422, variance, 1e-12);
    }

    /// <summary>By NumPy 2.2: the logarithm of the marginal likelihood is -1.259004409230913 before its constant.</summary>
    [Fact]
    public void The_likelihood_is_the_textbooks()
    {
        var (features, columns) = Columns();
        double[] at = [Math.Log(.5), Math.Log(1.2), Math.Log(1.3), Math.Log(.01 - 1e-6)];
        var centre = GpLikelihood.TypicalLogScale(2);
        var priors = (Square((at[0] - centre) / 1.5) + Square((at[1] - centre) / 1.5) + Square(at[2]) + Square((at[3] + 9) / 3)) / 2;
        Assert.Equal(1.259004409230913, new GpLikelihood(features, columns, Values).Of(at, new double[4]) - priors, 1e-9);
    }

    [Fact]
    public void The_likelihoods_gradient_is_its_slope() => Gen.Double[-1.5, 1.5].Array[4].Sample(at =>
    {
        var (features, columns) = Columns();
        var likelihood = new GpLikelihood(features, columns, Values);
        var gradient = new double[4];
        at[3] -= 4;
        likelihood.Of(at, gradient);
        return Enumerable.Range(0, 4).All(i => Near(Slope(shifted => likelihood.Of(shifted, new double[4]), at, i), gradient[i]));
    });

    [Fact]
    public void Gradients_of_mean_and_variance_are_their_slopes() => Gen.Double[0.05, 0.95].Array[2].Sample(at =>
    {
        var (features, columns) = Columns();
        var posterior = new GpPosterior(features, columns, Values, [[]], Hyper);
        var (means, meanGradients, varianceGradient) = (new double[1], new[] { new double[2] }, new double[2]);
        posterior.At(at, means, meanGradients, varianceGradient);
        double Mean(double[] x)
        {
            posterior.At(x, means, null, null);
            return means[0];
        }

        return Enumerable.Range(0, 2).All(i =>
            Near(Slope(Mean, at, i), meanGradients[0][i]) && Near(Slope(x => posterior.At(x, means, null, null), at, i), varianceGradient[i]));
    });

    /// <summary>By the C library's erfc; far out by the asymptotic series.</summary>
    [Theory]
    [InlineData(2, 0.6973835457882284)]
    [InlineData(0, -0.9189385332046727)]
    [InlineData(-1, -2.4851210257126413)]
    [InlineData(-2.9, -7.520846492887876)]
    [InlineData(-3.1, -8.227329393572749)]
    [InlineData(-4, -11.849061577550685)]
    [InlineData(-20, -206.91783850942392)]
    [InlineData(-60, -1809.1084601822722)]
    public void Known_expected_improvements(double z, double expected) => Assert.Equal(expected, ExpectedImprovement.Log(0, 1, z).Log, 1e-7);

    [Fact]
    public void The_expected_improvements_derivatives_are_its_slopes() => Gen.Select(Gen.Double[-3, 30], Gen.Double[0.1, 3]).Sample((mean, deviation) =>
    {
        var (_, byMean, byDeviation) = ExpectedImprovement.Log(mean, deviation, 0);
        return Near(Slope(at => ExpectedImprovement.Log(at[0], at[1], 0).Log, [mean, deviation], 0), byMean)
            && Near(Slope(at => ExpectedImprovement.Log(at[0], at[1], 0).Log, [mean, deviation], 1), byDeviation);
    });

    [Fact]
    public void Fantasies_leave_the_mean_where_it_was_and_take_the_doubt_away()
    {
        var (features, columns) = Columns();
        double[] pending = [.5, .1];
        var longer = columns.Select((column, f) => column.Append(pending[f]).ToArray()).ToArray();
        var alone = new GpPosterior(features, columns, Values, [[]], Hyper);
        var fantastic = new GpPosterior(features, longer, Values, [[1.3], [-1.3]], Hyper);
        foreach (var at in new double[][] { [.5, .1], [.3, .4], [.9, .9] })
        {
            var (one, two) = (new double[1], new double[2]);
            var before = alone.At(at, one, null, null);
            var after = fantastic.At(at, two, null, null);
            Assert.Equal(one[0], two.Average(), 1e-9);
            Assert.True(after < before);
        }

        Assert.True(fantastic.At(pending, new double[2], null, null) < 0.02);
    }

    [Fact]
    public void The_inverse_of_a_triangle_times_itself_is_one() => Gen.Int[1, 20].SelectMany(n => Gen.Double[-1, 1].Array[n * n].Select(entries => (n, entries))).Sample(
        (n, entries) =>
        {
            // A A' + 1 is positive definite.
            var matrix = Enumerable.Range(0, n).Select(i => Enumerable.Range(0, n).Select(j =>
                Enumerable.Range(0, n).Sum(k => entries[(i * n) + k] * entries[(j * n) + k]) + (i == j ? 1 : 0)).ToArray()).ToArray();
            var root = Cholesky.Of([.. matrix.Select(row => row.ToArray())])!;
            var inverse = root.Inverse();
            var solved = root.SolveUpper(root.SolveLower(matrix[n / 2]));
            double Inverse(int i, int j) => inverse[Math.Max(i, j)][Math.Min(i, j)];
            return Enumerable.Range(0, n * n).All(at =>
                    Math.Abs(Enumerable.Range(0, n).Sum(k => matrix[at / n][k] * Inverse(k, at % n)) - (at / n == at % n ? 1 : 0)) < 1e-9)
                && Enumerable.Range(0, n).All(i => Math.Abs(solved[i] - (i == n / 2 ? 1 : 0)) < 1e-9);
        });

    [Fact]
    public void A_matrix_that_is_not_positive_definite_has_no_root() => Assert.Null(Cholesky.Of([[1], [2, 1]]));

    [Fact]
    public void Scaled_costs_keep_their_order() => Gen.Double[-1e6, 1e6].Array[2, 40].Sample(costs =>
    {
        var scaled = CostScale.Standardize(costs);
        return Enumerable.Range(0, costs.Length).All(i => Enumerable.Range(0, costs.Length).All(j => !(costs[i] < costs[j]) || scaled[i] <= scaled[j]))
            && Math.Abs(scaled.Average()) < 1e-6;
    });

    [Fact]
    public void One_diverged_trial_leaves_the_others_apart()
    {
        double[] costs = [.1, .2, .3, .4, .5, .6, .7, .8, .9, 1e30];
        var scaled = CostScale.Standardize(costs);
        Assert.True(scaled[8] - scaled[0] > 0.5, $"{scaled[8] - scaled[0]}");
    }

    [Theory]
    [InlineData(10, 10)]
    [InlineData(19, 19)]
    [InlineData(21, 20)]
    [InlineData(300, 284)]
    public void Hyperparameters_are_fitted_at_fixed_numbers_of_trials(int ended, int expected) => Assert.Equal(expected, GpSampler.LastFit(ended, 10));

    [Fact]
    public void A_long_scale_is_found_for_a_parameter_that_does_not_matter()
    {
        var points = Enumerable.Range(0, 30).Select(i => new[] { SobolSequence.Scrambled(1, (uint)i, 0), SobolSequence.Scrambled(1, (uint)i, 1) }).ToArray();
        var features = new GpFeatures(Plane.Codec);
        var hyper = GpHyperparameters.Fit(features, GpFits.Columns(features, points), CostScale.Standardize(Array.ConvertAll(points, point => Math.Sin(9 * point[0]))));
        Assert.True(hyper.Scales[1] > 4 * hyper.Scales[0], $"{hyper.Scales[0]} and {hyper.Scales[1]}");
        Assert.InRange(hyper.Noise, 0, 0.01);
    }

    [Fact]
    public void Finds_the_minimum_of_branin_in_40_trials()
    {
        var space = new SearchSpace([new("x", new ParameterDomain.Uniform(-5, 10)), new("y", new ParameterDomain.Uniform(0, 15))]);
        static double Branin(ParameterAssignment point, int trial)
        {
            var (x, y) = (point["x"].AsNumber()!.Value, point["y"].AsNumber()!.Value);
            return Square(y - (5.1 / (4 * Math.PI * Math.PI) * x * x) + (5 / Math.PI * x) - 6) + (10 * (1 - (1 / (8 * Math.PI))) * Math.Cos(x)) + 10;
        }

        Assert.All(new[] { 1, 2, 3 }, seed => Assert.True(Run(space, 40, Branin, seed).Min(point => Branin(point, 0)) < 0.41));
    }

    private static (GpFeatures Features, double[][] Columns) Columns()
    {
        var features = new GpFeatures(Plane.Codec);
        return (features, GpFits.Columns(features, Points));
    }

    private static double Slope(Func<double[], double> of, double[] at, int i)
    {
        const double step = 1e-5;
        var (up, down) = (at.ToArray(), at.ToArray());
        up[i] += step;
        down[i] -= step;
        return (of(up) - of(down)) / (2 * step);
    }

    private static bool Near(double expected, double actual) => Math.Abs(expected - actual) < 1e-4 * (1 + Math.Abs(expected));

    private static double Square(double x) => x * x;
}
