using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Broker;
using Orchestrator.Coordinator.Runs;
using Orchestrator.Specs;

namespace Orchestrator.Coordinator.Tests.Runs;

/// <summary>What a trial's sweep hears of its run, and when.</summary>
public sealed class RunMessagesTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly Dictionary<string, double> Metrics = new() { ["val_loss"] = 0.5 };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_epoch_at_which_a_copied_run_pauses_is_told_once_its_checkpoint_is_there(bool isCopied)
    {
        var run = Begun(isCopied);
        Assert.IsType<TrialReported>(Tell(ref run, Epoch(1)));
        Assert.Equal(isCopied, Tell(ref run, Epoch(2)) is null);
        Assert.Equal(isCopied ? [1] : [1, 2], RunMessages.Beyond(run, 0).OfType<TrialReported>().Select(report => report.Tick));

        var paused = Tell(ref run, new RunEvent.TrainingEnded(1, 20, 2, "sha", 64, At, Paused: true));
        Assert.Equal(isCopied ? 2 : null, (paused as TrialReported)?.Tick);
        Assert.Equal([1, 2], RunMessages.Beyond(run, 0).OfType<TrialReported>().Select(report => report.Tick));

        // Its last epoch is nobody's beginning.
        RunState at = RunEvolution.Apply(run, new RunEvent.RunExtended(0, At));
        Assert.IsType<TrialReported>(Tell(ref at, Epoch(3)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_copied_run_that_fails_before_its_checkpoint_is_there_has_not_come_to_that_epoch(bool isCopied)
    {
        var run = Begun(isCopied);
        Tell(ref run, Epoch(1));
        Tell(ref run, Epoch(2));
        var end = Assert.IsType<TrialFinished>(Tell(ref run, new RunEvent.RunEnded(RunOutcome.Failed, FailureKind.User, "boom", "", "", At)));
        Assert.Equal(isCopied ? 1 : 2, end.Ticks);
        Assert.Equal(end.Ticks, RunMessages.Beyond(run, 0).OfType<TrialReported>().Count());
    }

    [Fact]
    public void A_run_that_began_at_anothers_checkpoint_has_come_as_far_as_its_last_epoch()
    {
        var run = Begun(true, new CheckpointOrigin("q-40", new CheckpointRecord("r-40", 40, 4, 1, "sha", Metrics, "")), epochs: 6);
        Assert.Equal(("q-40", 4), (run.From, run.Epoch));
        Tell(ref run, Epoch(5));
        var end = Assert.IsType<TrialFinished>(Tell(ref run, new RunEvent.RunEnded(RunOutcome.Failed, FailureKind.User, "boom", "", "", At)));
        Assert.Equal(5, end.Ticks);
    }

    private static RunEvent Epoch(int epoch) => new RunEvent.EpochFinished(1, epoch, epoch * 10, Metrics, 64, 1, "ledger", At);

    private static object? Tell(ref RunState run, RunEvent happened)
    {
        run = RunEvolution.Apply(run, happened);
        return RunMessages.Of(run, happened);
    }

    private static RunState Begun(bool isCopied, CheckpointOrigin? from = null, int epochs = 3)
    {
        var plan = new RunPlan("run", 1, 1, 4, epochs, epochs * 10, new Retention(1, 1, "val_loss", Maximize: false), new FailureBudgets(), IsCopied: isCopied);
        return RunEvolution.Replay(
        [
            new RunEvent.RunRequested("r", plan, "{}", "sha", new TrialKey("s", 3, 1), "", "0011223344556677", At, from is null ? 2 : 0, from),
            new RunEvent.GenerationProposed(1, TaskPurpose.Train, MemberPlace.Even(4, [new SlotId("a", 0)]), "", 0, from?.Copy.Epoch ?? 0, "8899aabbccddeeff", At),
        ]);
    }
}
