using Orchestrator.Control.Sweeps;
using Orchestrator.Search;

namespace Orchestrator.Control.Tests.Sweeps;

/// <summary>Sweeps played through on imagined workers.</summary>
public sealed class ForecastTests
{
    private static readonly StopperSettings Asha = new("asha", MaxEpochs: 9);

    [Fact]
    public void A_worker_that_joins_in_the_middle_of_an_epoch_shortens_the_rest_of_it()
    {
        // Trial 0 takes 4 an epoch and trial 1 takes 1: after a second the other worker joins trial 0, which then does 1.8 in one.
        var forecast = new SweepForecast(Sample.Settings(trials: 2, parallel: 2), maxEpochs: 1, workers: 2, trial => trial == 0 ? 4 : 1, (_, _) => 0.5, mostWorkers: 2).Run();
        Assert.Equal(1 + (3 / (1 + SweepForecast.ShareOfJoined)), forecast.Seconds, 12);
        Assert.Equal(4, new SweepForecast(Sample.Settings(trials: 2, parallel: 2), 1, 2, trial => trial == 0 ? 4 : 1, (_, _) => 0.5).Run().Seconds, 12);
    }

    [Fact]
    public void Who_lends_workers_decides_nothing_of_the_sweep()
    {
        var settings = Sample.Settings(trials: 30, parallel: 8) with { Stopper = Asha };
        SweepState Of(int workers, int most) => new SweepForecast(settings, 9, workers, trial => 1 + (trial % 7), (trial, epoch) => Draws.Unit(1, trial, 5) - (1.0 / epoch), most).Run().State;
        var alone = LogicalTimeTests.Table(Of(1, 1));
        Assert.Equal(alone, LogicalTimeTests.Table(Of(4, 1)));
        Assert.Equal(alone, LogicalTimeTests.Table(Of(4, 4)));
    }

    [Theory]
    [InlineData(8, null, 1.07)]
    [InlineData(32, null, 1.05)]
    [InlineData(100, null, 1.05)]
    [InlineData(8, "asha", 1.05)]
    [InlineData(32, "asha", 1.05)]
    public void Logical_order_costs_little_time_with_twice_as_many_trials_under_way_as_workers(int workers, string? stopper, double most)
    {
        double Cost(long seed) => SweepForecast.CostOfOrder(
            Sample.Settings(trials: Math.Max(200, 10 * workers), parallel: 2 * workers) with { Seed = seed, Stopper = stopper is null ? null : Asha }, 9, workers, mostWorkers: 4);
        Assert.InRange(Enumerable.Range(0, 4).Select(seed => Cost(seed)).Order().ElementAt(2), 0.9, most);
    }

    [Fact]
    public void Idle_workers_join_the_trial_that_the_others_wait_for()
    {
        // Trial 0 takes 10 an epoch, the others 1 to 3. All come to its end with both other workers in it: nobody trains trial 4 before trial 0 is through.
        var settings = Sample.Settings(trials: 4, parallel: 4);
        var forecast = new SweepForecast(settings, maxEpochs: 2, workers: 3, trial => trial == 0 ? 10 : trial, (_, _) => 0.5, mostWorkers: 3).Run();

        // 1 runs to 2, 2 to 4, 3 from 2 to 8. At 4 the worker of 2 joins 0, which has 6 left of its first epoch, and not 3, which is quicker: 1.8 in one.
        // At 8 that of 3 joins too: 12.8 of 20 are left less what was done, 2.6 in one.
        var left = 20 - 4 - (4 * (1 + SweepForecast.ShareOfJoined));
        Assert.Equal(8 + (left / (1 + (2 * SweepForecast.ShareOfJoined))), forecast.Seconds, 9);
    }

    [Fact]
    public void Logical_order_costs_less_where_idle_workers_join_other_runs()
    {
        double Cost(int most) => Enumerable.Range(0, 3).Average(seed => SweepForecast.CostOfOrder(Sample.Settings(trials: 100, parallel: 16) with { Seed = seed, Stopper = Asha }, 9, 8, most));
        Assert.InRange(Cost(4), 0.9, Cost(1) - 0.01);
    }
}
