using Orchestrator.Cli.Bench.Recovery;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests;

/// <summary>Of <c>orch bench recovery --seeds</c>: what is played, and what counts as another end.</summary>
public sealed class ChaosTests
{
    private static readonly ChaosSchedule Plain = ChaosSchedule.Of(0) with { Hasty = false };

    [Fact]
    public void A_schedule_follows_from_its_seed_and_seeds_differ()
    {
        Assert.Equal(ChaosSchedule.Of(7).ToString(), ChaosSchedule.Of(7).ToString());
        var all = Enumerable.Range(0, 300).Select(ChaosSchedule.Of).ToArray();
        Assert.True(all.Select(schedule => schedule.ToString()).Distinct().Count() > 295);
        Assert.Equal(Enum.GetValues<ChaosKind>(), all.SelectMany(schedule => schedule.Faults).Select(fault => fault.Kind).Distinct().Order());
        Assert.All(all, schedule =>
        {
            Assert.InRange(schedule.Faults.Count, 1, 3);
            Assert.Equal(schedule.Faults.OrderBy(fault => fault.Step), schedule.Faults);
            Assert.All(schedule.Faults, fault => Assert.InRange(fault.Step, 1, ChaosFiles.Steps));
            Assert.True(schedule.Hasty || schedule.Faults.All(fault => fault.Kind is not ChaosKind.KillAllTrainers));
        });
    }

    [Fact]
    public void A_run_that_ends_as_its_twin_has_no_difference() => Assert.Null(ChaosPlay.Difference(Plain, Ended(_ => { }), Ended(_ => { })));

    [Fact]
    public void Whatever_else_a_run_ends_with_is_told()
    {
        string? Told(Action<Run> change, ChaosSchedule? schedule = null) => ChaosPlay.Difference(schedule ?? Plain, Ended(change), Ended(_ => { }));

        Assert.Equal("the run failed: why", Told(run => (run.State, run.Message) = ("failed", "why")));
        Assert.Equal("other bits: weights x instead of w", Told(run => run.WeightsHash = "x"));
        Assert.Equal("other samples: 99 with ledger l instead of 100 with l", Told(run => run.SamplesPerEpoch = 99));
        Assert.Equal("other samples: 100 with ledger m instead of 100 with l", Told(run => run.LedgerHash = "m"));
        Assert.Equal("other epochs: 1", Told(run => run.History.RemoveAt(1)));
        Assert.Equal("9 steps instead of 10", Told(run => run.Step = 9));
        Assert.Equal("3 steps lost", Told(run => run.StepsLost = 3));
        Assert.Null(Told(run => run.StepsLost = 3, Plain with { Hasty = true }));
        Assert.Equal("failures of the kind user", Told(run => run.Failures.Add(new Failure { Kind = "user" })));
        Assert.Null(Told(run => run.Failures.Add(new Failure { Kind = "lost" })));
    }

    private static Run Ended(Action<Run> change)
    {
        var run = new Run
        {
            State = "succeeded",
            WeightsHash = "w",
            LedgerHash = "l",
            SamplesPerEpoch = 100,
            Step = 10,
            StepsPlanned = 10,
            EpochsPlanned = 2,
            History = { new EpochMetrics { Epoch = 1 }, new EpochMetrics { Epoch = 2 } },
        };
        change(run);
        return run;
    }
}
