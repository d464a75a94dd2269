using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Broker;

namespace Orchestrator.Coordinator.Runs;

/// <summary>What a trial's sweep is told of its run.</summary>
internal static class RunMessages
{
    /// <summary>The message that an event is told by; null where it concerns nobody else.</summary>
    /// <param name="after">A state of the run in which the event has happened.</param>
    public static object? Of(RunState after, RunEvent happened) => after.Trial is not { } trial ? null : happened switch
    {
        RunEvent.GenerationBegun { Generation: 1 } => Started(after, trial),
        RunEvent.EpochFinished e when !IsWithheld(after, e.Epoch) => Reported(after, trial, e.Epoch, e.Metrics),
        RunEvent.TrainingEnded { Paused: true } e when after.Plan!.IsCopied => ReportedAt(after, trial, e.Epoch),
        RunEvent.RunEnded => Finished(after, trial),
        RunEvent.TestScored => Scored(after, trial),
        _ => null,
    };

    /// <summary>All that the run has told so far, beyond what is known.</summary>
    public static IEnumerable<object> Beyond(RunState state, int knownTicks)
    {
        if (state.Trial is not { } trial)
        {
            yield break;
        }

        if (state.ProbeHash.Length > 0 || state.LastGeneration > 0)
        {
            yield return Started(state, trial);
        }

        foreach (var epoch in state.History.Where(epoch => epoch.Epoch > knownTicks && !IsWithheld(state, epoch.Epoch)))
        {
            yield return Reported(state, trial, epoch.Epoch, epoch.Metrics);
        }

        if (state.Outcome is not null)
        {
            yield return Finished(state, trial);
        }

        if (state.TestMetrics is not null)
        {
            yield return Scored(state, trial);
        }
    }

    /// <summary>How the run ended; null where it has not, or is no trial's.</summary>
    public static TrialFinished? End(RunState state) => state is { Outcome: not null, Trial: { } trial } ? Finished(state, trial) : null;

    public static TrialScored Scored(RunState state, TrialKey trial) =>
        new(trial.Sweep, trial.Number, trial.Attempt, state.Id, state.TestMetrics ?? new Dictionary<string, double>());

    /// <summary>Whoever hears of the epoch at which it pauses may copy its checkpoint, which is written after the epoch was reported; never, where the run failed in between.</summary>
    private static bool IsWithheld(RunState state, int epoch) =>
        state.Plan!.IsCopied && state.Outcome is null or RunOutcome.Failed && state.UntilEpoch > 0 && epoch == state.Target && epoch < state.Plan.Epochs && !state.IsPaused;

    private static TrialReported? ReportedAt(RunState after, TrialKey trial, int epoch) =>
        after.History.Find(record => record.Epoch == epoch) is { } record ? Reported(after, trial, epoch, record.Metrics) : null;

    private static TrialStarted Started(RunState state, TrialKey trial) => new(trial.Sweep, trial.Number, trial.Attempt, state.Id);

    private static TrialReported Reported(RunState state, TrialKey trial, int epoch, IReadOnlyDictionary<string, double> metrics) =>
        new(trial.Sweep, trial.Number, trial.Attempt, state.Id, epoch, metrics);

    private static TrialFinished Finished(RunState state, TrialKey trial) => new(trial.Sweep, trial.Number, trial.Attempt, state.Id, state.Name,
        state.OutcomeKind?.Name() ?? "", state.Message, state.History.FindLast(record => !IsWithheld(state, record.Epoch))?.Epoch ?? 0, state.Best?.Id ?? "", state.WeightsHash);
}
