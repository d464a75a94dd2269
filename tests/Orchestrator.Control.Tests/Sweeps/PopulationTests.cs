using CsCheck;
using Orchestrator.Control.Sweeps;
using Orchestrator.Search;

namespace Orchestrator.Control.Tests.Sweeps;

/// <summary>Trials as members of a population: exchanges, lineage, and the same table however reports come in.</summary>
public sealed class PopulationTests
{
    private static readonly PopulationSettings Two = new(Every: 2, MaxEpochs: 6, Truncation: 0.25, Perturb: 0.2, Resample: 0.25, Inherited: ["optimizer"]);

    private static readonly Gen<SweepSettings> AnySettings = Gen.Select(Gen.Int[2, 6], Gen.Int[0, 12], Gen.Long, Gen.Int[1, 4], Gen.Double[0.1, 0.5], Gen.Bool,
        (parallel, more, seed, every, truncation, atLast) => Settings(parallel, parallel + more) with
        {
            Seed = seed,
            Population = Two with { Every = every, Truncation = truncation },
            Objective = Sample.Accuracy with { At = atLast ? ReportChoice.Last : ReportChoice.Best },
        });

    [Fact]
    public void At_an_exchange_the_worst_ends_and_a_new_trial_begins_where_the_best_stands()
    {
        var sweep = Sample.Submitted(Settings(parallel: 4, trials: 8));
        Report(sweep, 1, 0.1, 0.2, 0.3, 0.4);
        Report(sweep, 2, 0.6, 0.2, 0.9, 0.3);
        Assert.Equal([TrialStatus.Running, TrialStatus.Stopped, TrialStatus.Running, TrialStatus.Running, TrialStatus.Pending], sweep.State.Trials.Select(trial => trial.Status));
        Assert.Equal("exchange at epoch 2: rank 4 of 4, gave way to a copy of trial 2", sweep.State.Trials[1].Message);

        var copy = sweep.State.Trials[4];
        Assert.Equal(new TrialOrigin(2, 1, 2), copy.From);
        Assert.Equal(sweep.State.Trials[2].Parameters["optimizer"], copy.Parameters["optimizer"]);
        Assert.NotEqual(sweep.State.Trials[2].Parameters, copy.Parameters);

        // It stands where its source stands, in logical time too, and is asked for up to the next exchange; the source keeps what it begins from.
        Assert.Equal([0.3, 0.9], copy.Values.AsEnumerable());
        Assert.Equal(new LogicalTime(3, 4), copy.Due);
        Assert.Equal([new SweepIntent.Run(4, 1, 4)], SweepIntent.Outstanding(sweep.State).Where(intent => intent.Trial == 4));
        Assert.Equal([2], sweep.State.PinnedOf(2, 1));
        Assert.Empty(sweep.State.PinnedOf(0, 1));
        Assert.Equal(new RungMark(2, 1, 4), sweep.State.Trials[2].Rung);
    }

    [Fact]
    public void Nobody_is_compared_before_all_have_come()
    {
        var sweep = Sample.Submitted(Settings(parallel: 3, trials: 9));
        sweep.Report(2, 1, 0.1);
        sweep.Report(2, 2, 0.1);
        sweep.Report(0, 1, 0.5);
        sweep.Report(0, 2, 0.5);
        sweep.Report(1, 1, 0.9);
        Assert.Equal(3, sweep.State.Trials.Count);
        Assert.Contains(sweep.State.Trials, trial => trial.Status == TrialStatus.Running);
        sweep.Report(1, 2, 0.9);
        Assert.Equal(1, sweep.State.Trials[3].From!.Trial);
    }

    [Fact]
    public void A_failed_member_is_replaced_at_the_next_exchange()
    {
        var sweep = Sample.Submitted(Settings(parallel: 2, trials: 9));
        sweep.Report(0, 1, 0.5);
        sweep.Finish(1, 0, TrialStatus.Failed, "diverged", "NaN");
        Assert.Equal(2, sweep.State.Trials.Count);
        sweep.Report(0, 2, 0.6);
        Assert.Equal((3, new TrialOrigin(0, 1, 2)), (sweep.State.Trials.Count, sweep.State.Trials[2].From));
        Assert.Equal(TrialStatus.Running, sweep.State.Trials[0].Status);
    }

    [Fact]
    public void A_copy_is_worth_what_its_source_was_there_until_it_is_better()
    {
        var sweep = Sample.Submitted(Settings(parallel: 2, trials: 3));
        Report(sweep, 1, 0.9, 0.1);
        Report(sweep, 2, 0.8, 0.1);
        Assert.Equal((2, 0.8), (sweep.State.Trials[2].Standing!.Epoch, sweep.State.Trials[2].Standing!.Value));
        Assert.Equal(1, sweep.State.Trials[0].Standing!.Epoch);
        sweep.Report(0, 3, 0.7);
        sweep.Report(2, 3, 0.7);
        Assert.Equal(2, sweep.State.Trials[2].Standing!.Epoch);
        sweep.Report(0, 4, 0.7);
        sweep.Report(2, 4, 0.95);
        Assert.Equal((4, 0.95), (sweep.State.Trials[2].Standing!.Epoch, sweep.State.Trials[2].Standing!.Value));
    }

    [Fact]
    public void Without_trials_left_everybody_goes_on_to_the_end()
    {
        var sweep = Sample.Submitted(Settings(parallel: 2, trials: 2));
        for (var epoch = 1; epoch <= 6; epoch++)
        {
            Report(sweep, epoch, 0.5, 0.1);
        }

        sweep.Finish(0, 6);
        sweep.Finish(1, 6);
        Assert.Equal((SweepPhase.Succeeded, 2, 0), (sweep.State.Phase, sweep.State.Trials.Count, sweep.State.Best));
        Assert.Contains("have trained to their end", Assert.Throws<SweepRefusedException>(() => sweep.Do(new SweepCommand.Extend(9, Sample.At))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_target_ends_members_that_rest_and_copies_that_never_began()
    {
        var sweep = Sample.Submitted(Settings(parallel: 2, trials: 6) with { Stop = new StopRule(Target: 0.95) });
        Report(sweep, 1, 0.9, 0.1);
        Report(sweep, 2, 0.8, 0.1);
        sweep.Report(0, 3, 0.99);
        Assert.Equal([TrialStatus.Stopped, TrialStatus.Stopped, TrialStatus.Stopped], sweep.State.Trials.Select(trial => trial.Status));

        // Nothing of the copy's own stands, so nothing has to be there; it is no better than its source was.
        Assert.Contains(new SweepIntent.Stop(2, 1, 0), SweepIntent.Outstanding(sweep.State));
        sweep.Finish(2, 0, TrialStatus.Stopped);
        sweep.Finish(1, 2, TrialStatus.Stopped);
        sweep.Finish(0, 3, TrialStatus.Stopped, checkpoint: "c");
        Assert.Equal((SweepPhase.Scoring, 0), (sweep.State.Phase, sweep.State.Best));
    }

    [Fact]
    public void A_cancelled_population_leaves_nobody_resting()
    {
        var sweep = Sample.Submitted(Settings(parallel: 2, trials: 6));
        sweep.Report(0, 1, 0.5);
        sweep.Report(1, 1, 0.5);
        sweep.Report(0, 2, 0.5);
        Assert.Equal(TrialStatus.Resting, sweep.State.Trials[0].Status);
        sweep.Do(new SweepCommand.Cancel(Sample.At));
        Assert.All(sweep.State.Trials, trial => Assert.Equal(TrialStatus.Cancelled, trial.Status));
        Assert.Contains(new SweepIntent.Stop(0, 1), SweepIntent.Outstanding(sweep.State));
    }

    /// <summary>Whoever copies finds the checkpoint there: the cluster asserts it.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("median")]
    [InlineData("target")]
    [InlineData("arrival")]
    public void The_table_is_the_same_on_one_two_and_four_workers_through_any_failure(string with) => Gen.Select(AnySettings, Gen.Int).Sample(
        (any, seed) =>
        {
            var settings = any with
            {
                Stopper = with == "median" ? new StopperSettings("median", MaxEpochs: 6, Startup: 2) : null,
                Stop = with == "target" ? new StopRule(Target: 0.9) : new StopRule(),
                Order = with == "arrival" ? TrialOrder.Arrival : TrialOrder.Logical,
            };
            var calm = new UnreliableCluster(settings, 0, faults: false, workers: 1, Training);
            Assert.True(calm.Run());
            foreach (var workers in (int[])[1, 2, 4])
            {
                var stormy = new UnreliableCluster(settings, seed + workers, faults: true, workers, Training);
                Assert.True(stormy.Run());
                if (settings.Order == TrialOrder.Logical)
                {
                    Assert.Equal(calm.LogicalEvents, stormy.LogicalEvents);
                    Assert.Equal(LogicalTimeTests.Table(calm.Sweep.State), LogicalTimeTests.Table(stormy.Sweep.State));
                }
            }

            Assert.All(calm.Sweep.State.Trials, trial => Assert.True(trial.HasEnded));
            Assert.True(calm.Sweep.State.Trials.Count <= settings.Trials);
        },
        iter: with == "arrival" ? 60 : 120);

    [Fact]
    public void Replay_from_any_snapshot_gives_the_same_state() => Gen.Select(AnySettings, Gen.Int, Gen.Double.Unit).Sample(
        (settings, seed, share) =>
        {
            var cluster = new UnreliableCluster(settings, seed, faults: true, training: Training);
            Assert.True(cluster.Run());
            var log = cluster.Sweep.Log;
            var half = (int)(share * log.Count);
            var snapshot = SweepJson.Copy(log.Take(half).Aggregate(SweepState.Initial, SweepEvolution.Apply));
            Assert.Equal(SweepJson.Of(cluster.Sweep.State), SweepJson.Of(log.Skip(half).Select(SweepJson.Copy).Aggregate(snapshot, SweepEvolution.Apply)));
        },
        iter: 60);

    /// <summary>The best constant parameters are not the best schedule: what is good early is bad late.</summary>
    [Fact]
    public void A_population_finds_a_schedule_that_no_constant_parameters_reach()
    {
        double BestOf(bool isPopulation, int seed) => Play(Settings(parallel: 8, trials: isPopulation ? 60 : 8) with
        {
            Seed = seed,
            Population = isPopulation ? Two with { Every = 2, MaxEpochs = 40 } : null,
        });
        var (population, constant) = (Enumerable.Range(0, 5).Average(seed => BestOf(true, seed)), Enumerable.Range(0, 5).Average(seed => BestOf(false, seed)));
        Assert.True(population > constant + 0.05, $"{population} against {constant}");
    }

    /// <returns>The best value at the last epoch. Each epoch brings as much as x is near to where it should be then; the lineage keeps what it has.</returns>
    private static double Play(SweepSettings settings)
    {
        const int epochs = 40;
        var sweep = Sample.Submitted(settings);
        var gained = new Dictionary<(int Trial, int Epoch), double>();
        while (!sweep.State.HasEnded)
        {
            if (sweep.State.Due.IsEmpty)
            {
                var halting = sweep.State.Trials[sweep.State.Halting.Min];
                sweep.Finish(halting.Number, halting.Values.Length, TrialStatus.Stopped);
                continue;
            }

            var trial = sweep.State.Trials[sweep.State.Due.Min.Trial];
            var epoch = trial.Values.Length;
            if (epoch == epochs)
            {
                sweep.Finish(trial.Number, epochs);
                continue;
            }

            var before = epoch == 0 ? 0 : trial.From is { } from && from.Epoch == epoch ? gained[(from.Trial, epoch)] : gained[(trial.Number, epoch)];
            var miss = trial.Parameters["x"].AsNumber()!.Value - (0.9 - (0.8 * epoch / epochs));
            gained[(trial.Number, epoch + 1)] = before + ((1 - Math.Abs(miss)) / epochs);
            sweep.Report(trial.Number, epoch + 1, gained[(trial.Number, epoch + 1)]);
        }

        return sweep.State.Trials.Max(trial => trial.Values.Length == epochs ? trial.Values[^1]!.Value : 0);
    }

    private static SweepSettings Settings(int parallel, int trials) => Sample.Settings(trials, parallel) with { Sampler = "pbt", Population = Two };

    private static void Report(Sample sweep, int epoch, params double[] values)
    {
        for (var trial = 0; trial < values.Length; trial++)
        {
            sweep.Report(trial, epoch, values[trial]);
        }
    }

    /// <summary>Six epochs; one in twelve trainings fails on the way, and one in ten reports has no value.</summary>
    private static Oracle Training(Trial trial)
    {
        var draw = new Random((int)(trial.Parameters["x"].AsNumber()!.Value * int.MaxValue));
        var values = Enumerable.Range(0, 6).Select(_ => draw.Next(10) == 0 ? (double?)null : draw.Next(64) / 64.0).ToArray();
        var fails = draw.Next(12) == 0;
        values = fails ? values[..Math.Max(trial.From?.Epoch ?? 0, draw.Next(6))] : values;
        return new Oracle(values, fails
            ? new TrialEnd(TrialStatus.Failed, "diverged", "NaN", values.Length > (trial.From?.Epoch ?? 0) ? values.Length : 0, "", "", Sample.At)
            : new TrialEnd(TrialStatus.Succeeded, "", "", values.Length, "c", "", Sample.At));
    }
}
