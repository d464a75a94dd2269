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
    [InlineData("linear", new[] { 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125 })]
    [InlineData("plateau", new[] { 1.0, 1, 1, 1, 1, 1, 1, 1 })]
    // A quarter of the steps up to 1; then 4e-6 + (1 - 4e-6) / 2 * (1 + cos(pi k / 6)) for k = 1 to 6.
    [InlineData("one-cycle", new[] { 0.04, 1, 0.9330129698414117, 0.750001, 0.500002, 0.250003, 0.0669910301585883, 0.000004 })]
    public void A_schedule_has_its_known_values(string name, double[] expected) =>
        Assert.Equal(expected, Enumerable.Range(0, 8).Select(step => Schedule.Factor(new ScheduleSpec { Name = name }, step, new RunLength(8, 1))), (a, b) => Math.Abs(a - b) < 1e-14);

    [Fact]
    public void A_step_schedule_falls_at_whole_epochs_or_steps()
    {
        var (run, spec) = (new RunLength(3, 4), new ScheduleSpec { Name = "step", Factor = 0.5, Every = new Every(2, EveryUnit.Epoch) });
        Assert.Equal([1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], Enumerable.Range(0, 12).Select(step => Schedule.Factor(spec, step, run)));
        Assert.Equal([1, 0.5, 0.25], Enumerable.Range(0, 3).Select(step => Schedule.Factor(spec with { Every = new Every(1, EveryUnit.Step) }, step, run)));
    }

    [Theory]
    [InlineData("constant", 0, new[] { 0.25, 0.5, 0.75, 1, 1, 1, 1, 1 })]
    [InlineData("linear", 0.5, new[] { 0.25, 0.5, 0.75, 1, 1, 0.875, 0.75, 0.625 })]
    [InlineData("cosine", 1, new[] { 0.25, 0.5, 0.75, 1, 1, 1, 1, 1 })]
    public void Warm_up_rises_in_a_straight_line_and_leaves_the_rest_to_the_schedule(string name, double final, double[] expected) => Assert.Equal(
        expected, Enumerable.Range(0, 8).Select(step => Schedule.Factor(new ScheduleSpec { Name = name, WarmUp = 0.5, Final = final }, step, new RunLength(8, 1))));

    [Fact]
    public void One_cycle_rises_once_and_falls_once_for_any_length_and_warm_up() =>
        Gen.Select(Gen.Int[1, 200], Gen.Double[0, 1]).Sample((steps, warmUp) =>
        {
            var spec = new ScheduleSpec { Name = "one-cycle", WarmUp = warmUp };
            var factors = Enumerable.Range(0, steps).Select(step => Schedule.Factor(spec, step, new RunLength(steps, 1))).ToArray();
            Assert.All(factors, factor => Assert.InRange(factor, 0, 1));
            var turns = factors.Zip(factors.Skip(1)).Select(pair => Math.Sign(pair.Second - pair.First)).Where(sign => sign != 0).ToArray();
            Assert.True(turns.SequenceEqual(turns.OrderDescending()));
        });
}
