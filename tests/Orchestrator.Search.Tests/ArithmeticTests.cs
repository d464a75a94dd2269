using CsCheck;
using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class ArithmeticTests
{
    [Fact]
    public void Exponentials_agree_with_the_operating_systems() => Gen.Double[-700, 700].Sample(
        x => Math.Abs(Exact.Exp(x) - Math.Exp(x)) <= 4e-16 * 4 * Math.Exp(x));

    [Fact]
    public void Logarithms_agree_with_the_operating_systems() => Gen.Double[-700, 700].Select(Math.Exp).Sample(
        x => Math.Abs(Exact.Log(x) - Math.Log(x)) <= 1e-15 * Math.Max(0.5, Math.Abs(Math.Log(x))));

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 0.6931471805599453)]
    [InlineData(10, 2.302585092994046)]
    [InlineData(1e-300, -690.7755278982137)]
    [InlineData(5e-324, -744.4400719213812)]
    public void Known_logarithms(double x, double expected) => Assert.Equal(expected, Exact.Log(x), 1e-13);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-800, 0)]
    [InlineData(800, double.PositiveInfinity)]
    public void Exponentials_of_the_ends(double x, double expected) => Assert.Equal(expected, Exact.Exp(x));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void The_logarithm_refuses_what_has_none(double x) => Assert.Throws<ArgumentOutOfRangeException>(() => Exact.Log(x));

    [Fact]
    public void Rounding_keeps_twelve_digits_and_is_idempotent() => Gen.Double[-1e300, 1e300].Where(double.IsNormal).Sample(x =>
        Math.Abs(Exact.Round(x) - x) <= 5.1e-12 * Math.Abs(x) && Exact.Round(Exact.Round(x)) == Exact.Round(x));

    [Fact]
    public void Draws_are_the_same_for_ever() => Assert.Equal(
        GoldenDraws, new[] { Draws.Bits(0, 0, 0), Draws.Bits(7, 0, 0), Draws.Bits(7, 1, 0), Draws.Bits(7, 0, 1), Draws.Bits(7, 0, 0, 1), Draws.Bits(-1, 0, 0) });

    [Fact]
    public void Every_bit_of_a_draw_is_set_half_of_the_time()
    {
        var set = new int[64];
        for (var trial = 0; trial < 4096; trial++)
        {
            var bits = Draws.Bits(5, trial, trial % 7);
            for (var bit = 0; bit < 64; bit++)
            {
                set[bit] += (int)((bits >> bit) & 1);
            }
        }

        // Five standard deviations are 160.
        Assert.All(set, count => Assert.InRange(count, 2048 - 160, 2048 + 160));
    }

    /// <summary>By an implementation in another language.</summary>
    private static readonly ulong[] GoldenDraws =
    [
        18194479964450985108,
        2476174509544465146,
        5266593899029369513,
        10245246590584019507,
        13667154851152517365,
        705772816620032517,
    ];
}
