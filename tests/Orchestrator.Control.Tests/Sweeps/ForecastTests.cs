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

    [Fact]
    public void Logical_order_costs_less_where_idle_workers_join_other_runs()
    {
        double Cost(int most) => Enumerable.Range(0, 3).Average(seed => SweepForecast.CostOfOrder(Sample.Settings(trials: 100, parallel: 16) with { Seed = seed, Stopper = Asha }, 9, 8, most));
        Assert.InRange(Cost(4), 0.9, Cost(1) - 0.01);
    }
}
