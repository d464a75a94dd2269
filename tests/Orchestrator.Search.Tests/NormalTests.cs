using CsCheck;
using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class NormalTests
{
    /// <summary>Of the C library's erfc.</summary>
    [Theory]
    [InlineData(0, 0.5)]
    [InlineData(1, 0.8413447460685429)]
    [InlineData(-1.959963984540054, 0.025)]
    [InlineData(-6, 9.865876450376946e-10)]
    [InlineData(-8, 6.220960574271785e-16)]
    [InlineData(-20, 2.753624118606232e-89)]
    [InlineData(-37, 5.725571222524513e-300)]
    public void Known_probabilities(double x, double expected) => Assert.Equal(1, Normal.Cdf(x) / expected, 1e-9);

    [Theory]
    [InlineData(-1, -1.8410216450092634)]
    [InlineData(-10, -53.23128515051246)]
    [InlineData(-29.9, -451.32291245852855)]
    [InlineData(-30.1, -457.32956441638225)]
    [InlineData(-100, -5005.524208641954)]
    [InlineData(3, -0.0013508099647482027)]
    public void Known_logarithms_of_probabilities(double x, double expected) => Assert.Equal(expected, Normal.LogCdf(x), 1e-9 * Math.Max(1, -expected));

    [Fact]
    public void The_logarithm_is_smooth_where_its_formula_changes()
    {
        var slope = (Normal.LogCdf(-30 + 1e-6) - Normal.LogCdf(-30 - 1e-6)) / 2e-6;
        Assert.Equal(30.0332, slope, 1e-3);
    }

    [Fact]
    public void Quantiles_undo_probabilities() => Gen.Double[1e-12, 1 - 1e-12].Sample(p => Math.Abs(Normal.Cdf(Normal.Quantile(p)) - p) <= 1e-14 + (4e-14 * p));

    [Fact]
    public void Quantiles_of_tiny_probabilities() => Gen.Double[-690, -20].Sample(log =>
        Math.Abs(Normal.LogCdf(Normal.Quantile(Math.Exp(log))) - log) < 1e-9 * -log);

    [Fact]
    public void Lanes_agree_with_plain_sums() => Gen.Double[-3, 3].Array[0, 40].Sample(values =>
    {
        var copy = values.ToArray();
        Lanes.Exp(copy, 0.5);
        return Math.Abs(Lanes.Sum(values) - values.Sum()) < 1e-12
            && Math.Abs(Lanes.Dot(values, values) - values.Sum(x => x * x)) < 1e-11
            && copy.Zip(values, (e, x) => Math.Abs(e - Math.Exp(x - 0.5)) <= 4e-16 * 4 * Math.Exp(x - 0.5)).All(near => near);
    });

    [Fact]
    public void Exponentials_in_lanes_over_their_whole_range() => Gen.Double[-699, 699].Sample(x =>
    {
        double[] values = [x];
        Lanes.Exp(values);
        return Math.Abs((values[0] / Math.Exp(x)) - 1) < 1e-14;
    });

    [Fact]
    public void Sums_of_exponentials_neither_overflow_nor_vanish()
    {
        Assert.Equal(1000 + Math.Log(2), Lanes.LogSumExp([1000, 1000]), 1e-12);
        Assert.Equal(-1000 + Math.Log(3), Lanes.LogSumExp([-1000, -1000, -1000]), 1e-12);
        Assert.Equal(double.NegativeInfinity, Lanes.LogSumExp([double.NegativeInfinity]));
        Assert.Equal(-1000 + Math.Log(9), Lanes.LogSumExp([-1000, -1000, -1000, -1000, -1000, -1000, -1000, -1000], -1000), 1e-12);
        Assert.Equal(5 + Math.Log(2), Lanes.LogSumExp([5, -1e300, -1e300, -1e300, -90, -90, -90, -90], 5), 1e-12);
        Assert.Equal(5, Lanes.LogSumExp([], 5), 1e-12);
    }
}
