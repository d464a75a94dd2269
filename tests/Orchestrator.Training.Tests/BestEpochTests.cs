using Orchestrator.Specs;
using Xunit;

namespace Orchestrator.Training.Tests;

public sealed class BestEpochTests
{
    [Theory]
    [InlineData("maximize", new[] { 0.5, 0.7, 0.7, 0.6, 0.8 }, new[] { true, true, false, false, true })]
    [InlineData("minimize", new[] { 0.5, 0.7, 0.5, 0.4, 0.8 }, new[] { true, false, false, true, false })]
    public void An_epoch_improves_where_it_is_better_than_all_before(string goal, double[] values, bool[] expected)
    {
        var best = new BestEpoch(new CheckpointSpec { Metric = "m", Goal = goal });
        var before = double.NaN;
        Assert.Equal(expected, values.Select(value => Improves(best, ref before, new Dictionary<string, double> { ["m"] = value, ["val_loss"] = 1 / value })));
    }

    [Fact]
    public void Without_a_metric_it_is_the_validation_loss()
    {
        var best = new BestEpoch(new CheckpointSpec());
        var before = double.NaN;
        Assert.Equal([true, false, true], new[] { 2.0, 3, 1 }.Select(value => Improves(best, ref before, new Dictionary<string, double> { ["val_loss"] = value })));
        Assert.False(Improves(best, ref before, new Dictionary<string, double>()));
    }

    private static bool Improves(BestEpoch best, ref double before, Dictionary<string, double> metrics)
    {
        var better = best.Better(before, metrics);
        before = better ?? before;
        return better is not null;
    }
}
