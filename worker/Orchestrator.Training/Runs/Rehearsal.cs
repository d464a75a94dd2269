using Orchestrator.Collectives;

namespace Orchestrator.Training;

/// <summary>
/// What a newcomer does for the first time takes it many times as long as later, while the others wait for it. So before it says that it is ready it does all of it once for nothing: it takes a state from
/// itself, and makes a step. Model and optimizer are others afterwards: it is for whoever takes a peer's state next.
/// </summary>
internal static class Rehearsal
{
    /// <param name="sender">The other end of <paramref name="taker"/>.</param>
    public static void Run(LoadedRun run, HardwareFacts hardware, ICollective sender, ICollective taker)
    {
        using var span = TrainingSpans.Source.StartActivity("rehearse");
        var sending = Task.Factory.StartNew(
            () => StateTransfer.Align(sender, run, TrainingState.Of(null), hasState: true, static () => { }), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        StateTransfer.Align(taker, run, TrainingState.Of(null), hasState: false, static () => { });
        sending.GetAwaiter().GetResult();

        using var session = new TrainingSession(run, hasState: true, new SilentObserver(), new StopSignal(), hardware) { IsRehearsal = true };
        session.Train(new LocalCollective(ShardPlan.Even(run.Spec.Training.Shards, 1)), GenerationStart.Only with { Switch = static () => true }, CancellationToken.None);
    }
}
