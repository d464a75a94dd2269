using Orchestrator.Control.Sweeps;
using Orchestrator.Search;

namespace Orchestrator.Control.Tests.Sweeps;

/// <summary>Trials that somebody outside asks for.</summary>
public sealed class ExternalSweepTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(10);

    [Fact]
    public void Who_asks_gets_the_earliest_trial_that_nobody_works_on()
    {
        var sweep = Submitted();
        Assert.Equal(0, Ask(sweep, "a"));
        Assert.Equal(1, Ask(sweep, "b"));
        Assert.Null(Ask(sweep, "c"));
        Assert.Empty(SweepIntent.Outstanding(sweep.State));
    }

    [Fact]
    public void A_trial_that_was_not_heard_of_for_its_lease_is_handed_out_again_with_what_is_known()
    {
        var sweep = Submitted();
        Ask(sweep, "a");
        Ask(sweep, "b");
        sweep.Report(0, 1, 0.3);
        Assert.Null(Ask(sweep, "c", Lease - TimeSpan.FromSeconds(1)));

        // Trial 1 comes first: its first report is due before the second of trial 0.
        Assert.Equal(1, Ask(sweep, "c", Lease + TimeSpan.FromSeconds(1)));
        Assert.Equal(0, Ask(sweep, "d", Lease + TimeSpan.FromSeconds(1)));
        Assert.Equal(1, sweep.State.Trials[0].KnownTicks);
    }

    [Fact]
    public void Telling_renews_the_lease()
    {
        var sweep = Submitted();
        Ask(sweep, "a");
        sweep.Do(new SweepCommand.Report(0, 1, 1, Sample.Metrics(0.3), Sample.At + (Lease * 0.9)));
        Assert.Equal(1, Ask(sweep, "b", Lease * 1.5));
        Assert.Equal(0, Ask(sweep, "c", Lease * 2));
    }

    [Fact]
    public void A_trial_at_its_rung_is_given_up_and_handed_out_again_when_it_is_promoted()
    {
        var sweep = Submitted(trials: 3, new StopperSettings("asha", MinEpochs: 1, MaxEpochs: 3, Reduction: 3));
        for (var trial = 0; trial < 3; trial++)
        {
            Assert.Equal(trial, Ask(sweep, "a"));
            sweep.Report(trial, 1, trial == 1 ? 0.9 : 0.1);
            Assert.Null(sweep.State.Trials[trial].Lease);
        }

        Assert.Equal(1, Ask(sweep, "b"));
        Assert.Equal(1, sweep.State.Trials[1].KnownTicks);
        sweep.Report(1, 2, 0.9);
        sweep.Report(1, 3, 0.9);
        sweep.Finish(1, 3);
        Assert.Equal(SweepPhase.Succeeded, sweep.State.Phase);
    }

    [Fact]
    public void Trials_of_the_cluster_are_not_for_asking() =>
        Assert.Throws<SweepRefusedException>(() => Sample.Submitted(Sample.Settings()).Do(new SweepCommand.Ask("t", "", Sample.At)));

    private static Sample Submitted(int trials = 3, StopperSettings? stopper = null) =>
        Sample.Submitted(Sample.Settings(trials, parallel: 2) with { Lease = Lease, Stopper = stopper });

    private static int? Ask(Sample sweep, string ticket, TimeSpan later = default)
    {
        ticket = $"{ticket}{sweep.Log.Count}";
        sweep.Do(new SweepCommand.Ask(ticket, "worker", Sample.At + later));
        return sweep.State.Trials.Find(trial => trial.Lease?.Ticket == ticket)?.Number;
    }
}
