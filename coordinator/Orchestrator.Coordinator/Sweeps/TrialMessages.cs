using System.Collections.Immutable;
using Orchestrator.Control.Sweeps;
using Orchestrator.Coordinator.Broker;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>What the run coordinator says about trials. Returning acknowledges, so by then the effect is journalled.</summary>
internal sealed class TrialMessages(SweepBook book, IMessageBus bus, TimeProvider time)
    : IMessageHandler<TrialStarted>, IMessageHandler<TrialReported>, IMessageHandler<TrialFinished>, IMessageHandler<TrialScored>
{
    public Task HandleAsync(TrialStarted message, CancellationToken cancellationToken) => TellAsync(
        message.Sweep, message.Trial, message.Attempt, message.Run,
        new SweepCommand.Start(message.Trial, message.Attempt, time.GetUtcNow()), cancellationToken);

    public Task HandleAsync(TrialReported message, CancellationToken cancellationToken) => TellAsync(
        message.Sweep, message.Trial, message.Attempt, message.Run,
        new SweepCommand.Report(message.Trial, message.Attempt, message.Tick, Immutable(message.Metrics), time.GetUtcNow()), cancellationToken);

    public Task HandleAsync(TrialFinished message, CancellationToken cancellationToken)
    {
        var end = new TrialEnd(
            StatusOf(message.State), message.Kind, message.Message, message.Ticks, message.BestCheckpoint, message.WeightsHash, time.GetUtcNow());
        return book.ExecuteAsync(message.Sweep, new SweepCommand.Finish(message.Trial, message.Attempt, end), cancellationToken);
    }

    public Task HandleAsync(TrialScored message, CancellationToken cancellationToken) => book.ExecuteAsync(
        message.Sweep, new SweepCommand.Score(message.Trial, message.Attempt, Immutable(message.Metrics), time.GetUtcNow()), cancellationToken);

    private async Task TellAsync(string sweep, int trial, int attempt, string run, SweepCommand command, CancellationToken cancellationToken)
    {
        var state = await book.ExecuteAsync(sweep, command, cancellationToken);
        book.Hear(sweep, trial);

        // A stop can be lost, or overtaken by the wish to run: whoever still trains for nobody is told again.
        var known = state.Find(trial, attempt);
        if (state.Phase == SweepPhase.None || known is { Halting: true } or { Status: TrialStatus.Stopped })
        {
            await bus.SendAsync(new StopTrial(sweep, trial, attempt, run, Gracefully: false, known?.HaltAfter), cancellationToken);
        }
    }

    /// <summary>What this version does not know is a failure of no deterministic kind: it pauses the sweep.</summary>
    private static TrialStatus StatusOf(string state) => state switch
    {
        "succeeded" => TrialStatus.Succeeded,
        "stopped" => TrialStatus.Stopped,
        "cancelled" => TrialStatus.Cancelled,
        _ => TrialStatus.Failed,
    };

    private static ImmutableDictionary<string, double> Immutable(IReadOnlyDictionary<string, double> metrics) =>
        metrics.ToImmutableDictionary(StringComparer.Ordinal);
}
