using CsCheck;
using Orchestrator.Specs;
using Orchestrator.Training.Optimization;
using Xunit;

namespace Orchestrator.Training.Tests;

public sealed class ScheduleTests
{
    [Fact]
    public void Cosine_of_pi_x_is_within_a_few_units_of_the_last_place() =>
        Gen.Double[0, 1].Sample(x => Assert.Equal(Math.Cos(Math.PI * x), DeterministicMath.CosPi(x), tolerance: 1e-14));

    [Fact]
    public void Powers_multiply() =>
        Gen.Select(Gen.Double[0.5, 0.9999], Gen.Int[0, 3000]).Sample((value, exponent) => Assert.Equal(Math.Pow(value, exponent), DeterministicMath.Power(value, exponent), tolerance: 1e-12));

    [Theory]
    [InlineData("constant", new[] { 1.0, 1, 1, 1, 1, 1, 1, 1 })]
    [InlineData("cosine", new[] { 1, 0.9619397662556434, 0.8535533905932737, 0.6913417161825449, 0.5, 0.3086582838174551, 0.14644660940672627, 0.038060233744356645 })]
    // A quarter of the steps up to 1; then 4e-6 + (1 - 4e-6) / 2 * (1 + cos(pi k / 6)) for k = 1 to 6.
    [InlineData("one-cycle", new[] { 0.04, 1, 0.9330129698414117, 0.750001, 0.500002, 0.250003, 0.0669910301585883, 0.000004 })]
    public void A_schedule_has_its_known_values(string name, double[] expected) =>
        Assert.Equal(expected, Enumerable.Range(0, 8).Select(step => Schedule.Factor(new ScheduleSpec { Name = name }, step, 8)), (a, b) => Math.Abs(a - b) < 1e-14);

    [Fact]
    public void One_cycle_rises_once_and_falls_once_for_any_length_and_warm_up() =>
        Gen.Select(Gen.Int[1, 200], Gen.Double[0, 1]).Sample((steps, warmUp) =>
        {
            var spec = new ScheduleSpec { Name = "one-cycle", WarmUp = warmUp };
            var factors = Enumerable.Range(0, steps).Select(step => Schedule.Factor(spec, step, steps)).ToArray();
            Assert.All(factors, factor => Assert.InRange(factor, 0, 1));
            var turns = factors.Zip(factors.Skip(1)).Select(pair => Math.Sign(pair.Second - pair.First)).Where(sign => sign != 0).ToArray();
            Assert.True(turns.SequenceEqual(turns.OrderDescending()));
        });
}
