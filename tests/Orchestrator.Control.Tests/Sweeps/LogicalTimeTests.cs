using CsCheck;
using Orchestrator.Control.Sweeps;
using Orchestrator.Search;

namespace Orchestrator.Control.Tests.Sweeps;

public sealed class LogicalTimeTests
{
    private static readonly Gen<SweepSettings> AnySettings = Gen.Select(Gen.Int[1, 14], Gen.Int[1, 6], Gen.Long, Gen.Bool, Gen.Int[-1, 2],
        (trials, parallel, seed, atLast, maxFailures) => Sample.Settings(trials, parallel) with
        {
            Seed = seed,
            MaxFailures = maxFailures < 0 ? null : maxFailures,
            Objective = Sample.Accuracy with { At = atLast ? ReportChoice.Last : ReportChoice.Best },
        });

    [Fact]
    public void Lost_doubled_late_and_reordered_messages_and_lost_runs_change_nothing() => Gen.Select(AnySettings, Gen.Int).Sample(
        (settings, seed) =>
        {
            var calm = new UnreliableCluster(settings, 0, faults: false);
            var stormy = new UnreliableCluster(settings, seed, faults: true);
            Assert.True(calm.Run());
            Assert.True(stormy.Run());
            Assert.Equal(calm.LogicalEvents, stormy.LogicalEvents);
            Assert.Equal(Table(calm.Sweep.State), Table(stormy.Sweep.State));
        },
        iter: 300);

    [Theory]
    [InlineData("asha")]
    [InlineData("successive-halving")]
    [InlineData("hyperband")]
    [InlineData("median")]
    [InlineData("percentile")]
    [InlineData("patient")]
    [InlineData("threshold")]
    public void Every_sampler_and_stopper_gives_the_same_table_on_one_two_and_four_workers_through_any_failure(string stopper) => Gen.Select(AnySettings, AnySampler, Gen.Int).Sample(
        (any, sampler, seed) =>
        {
            var settings = Searched(any, sampler) with
            {
                MaxFailures = null,
                Stopper = new StopperSettings(stopper, MaxEpochs: 5, Reduction: 2, Percentile: 70, Startup: 2, Patience: 2, Lower: 0.2),
            };
            var calm = new UnreliableCluster(settings, 0, faults: false, workers: 1);
            Assert.True(calm.Run());
            foreach (var workers in (int[])[1, 2, 4])
            {
                var stormy = new UnreliableCluster(settings, seed + workers, faults: true, workers);
                Assert.True(stormy.Run());
                Assert.Equal(calm.LogicalEvents, stormy.LogicalEvents);
                Assert.Equal(Table(calm.Sweep.State), Table(stormy.Sweep.State));
            }

            Assert.DoesNotContain(calm.Sweep.State.Trials, trial => trial.Status is TrialStatus.Resting or TrialStatus.Pending or TrialStatus.Running);
        },
        iter: 60);

    [Fact]
    public void A_stop_rule_ends_the_sweep_at_the_same_place_however_reports_come_in() => Gen.Select(AnySettings, Gen.Int, Gen.Bool).Sample(
        (any, seed, halves) =>
        {
            var settings = any with
            {
                MaxFailures = null,
                Stop = seed % 2 == 0 ? new StopRule(Target: 0.6) : new StopRule(Patience: 3),
                Stopper = halves ? new StopperSettings("asha", MaxEpochs: 5, Reduction: 2) : null,
            };
            var calm = new UnreliableCluster(settings, 0, faults: false);
            var stormy = new UnreliableCluster(settings, seed, faults: true);
            Assert.True(calm.Run());
            Assert.True(stormy.Run());
            Assert.Equal(Table(calm.Sweep.State), Table(stormy.Sweep.State));
        },
        iter: 150);

    [Fact]
    public void What_is_due_is_handled_in_the_order_of_tick_and_trial() => Gen.Select(AnySettings, Gen.Int).Sample(
        (settings, seed) =>
        {
            var cluster = new UnreliableCluster(settings, seed, faults: true);
            Assert.True(cluster.Run());
            var starts = cluster.Sweep.State.Trials.ConvertAll(trial => trial.Start);
            var handled = cluster.Sweep.Log.Select(happened => happened switch
            {
                SweepEvent.ReportHandled e => new LogicalTime(starts[e.Trial] + e.Tick, e.Trial),
                SweepEvent.TrialEnded e => new LogicalTime(e.Tick, e.Trial),
                _ => (LogicalTime?)null,
            }).OfType<LogicalTime>().ToArray();
            Assert.Equal(handled.Order(), handled);
        },
        iter: 150);

    [Fact]
    public void Replay_from_any_snapshot_gives_the_same_state() => Gen.Select(AnySettings, Gen.Int, Gen.Double.Unit).Sample(
        (settings, seed, share) =>
        {
            var cluster = new UnreliableCluster(settings, seed, faults: true);
            Assert.True(cluster.Run());
            var log = cluster.Sweep.Log;
            var half = (int)(share * log.Count);
            var snapshot = SweepJson.Copy(log.Take(half).Aggregate(SweepState.Initial, SweepEvolution.Apply));
            var replayed = log.Skip(half).Select(SweepJson.Copy).Aggregate(snapshot, SweepEvolution.Apply);
            Assert.Equal(SweepJson.Of(cluster.Sweep.State), SweepJson.Of(replayed));
        },
        iter: 150);

    [Fact]
    public void Never_more_trials_under_way_than_slots() => Gen.Select(AnySettings, Gen.Int).Sample(
        (settings, seed) =>
        {
            var cluster = new UnreliableCluster(settings, seed, faults: true);
            cluster.Run();
            var state = SweepState.Initial;
            foreach (var happened in cluster.Sweep.Log)
            {
                state = SweepEvolution.Apply(state, happened);
                Assert.True(state.Due.Count <= settings.Parallel);
                Assert.True(state.Trials.Count <= settings.Trials);
            }
        },
        iter: 100);

    [Fact]
    public void A_report_waits_for_the_slower_trial()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 3, parallel: 2));
        sweep.Report(1, 1, 0.5);
        sweep.Finish(1, 1);
        Assert.Equal(2, sweep.State.Trials.Count);

        sweep.Report(0, 1, 0.4);
        Assert.Equal(2, sweep.State.Trials.Count);

        // Trial 1's end is due at (2, 1), after trial 0's second report or end at (2, 0).
        sweep.Report(0, 2, 0.4);
        Assert.Equal(3, sweep.State.Trials.Count);
        Assert.Equal(2, sweep.State.Trials[2].Start);
    }

    [Fact]
    public void In_order_of_arrival_nobody_waits_and_the_sweep_says_so()
    {
        var sweep = Sample.Submitted(Sample.Settings(trials: 3, parallel: 2) with { Order = TrialOrder.Arrival });
        sweep.Run(1, 0.5);
        Assert.Equal(3, sweep.State.Trials.Count);
        Assert.False(sweep.State.IsRepeatable);
    }

    internal static string Table(SweepState state) => SweepJson.Of(new
    {
        state.Phase,
        state.Best,
        state.Kept,
        state.Clock,
        state.Failures,
        state.IsRepeatable,
        Trials = state.Trials.ConvertAll(trial => new { trial.Number, trial.Parameters, trial.Status, trial.Values, trial.Standing, trial.TestMetrics, trial.Start, trial.Rested, trial.Rung, From = (trial.From?.Trial, trial.From?.Epoch).ToString(), Why = trial.Status == TrialStatus.Stopped ? trial.Message : "" }),
    });

    private static Gen<string> AnySampler => Gen.Int[0, SamplerCatalog.Names.Count - 1].Select(place => SamplerCatalog.Names[place]);

    /// <summary>A space that every sampler takes.</summary>
    private static SweepSettings Searched(SweepSettings settings, string sampler) => sampler == "grid"
        ? settings with { Sampler = sampler, Space = new SearchSpace([new("x", new ParameterDomain.Uniform(0, 1, 9))]) }
        : settings with { Sampler = sampler };
}
