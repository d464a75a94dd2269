using System.Diagnostics;

namespace Orchestrator.Control.Sweeps;

/// <summary>What a sweep wants of the run coordinator. Saying it twice is harmless.</summary>
public abstract record SweepIntent(int Trial, int Attempt)
{
    /// <param name="Until">The report after which it pauses; 0 to go on to its end.</param>
    public sealed record Run(int Trial, int Attempt, int Until = 0) : SweepIntent(Trial, Attempt);

    /// <summary>At once: the sweep is through with the trial.</summary>
    /// <param name="AfterEpoch">What it did to this epoch stands; null where nothing of it is wanted.</param>
    public sealed record Stop(int Trial, int Attempt, int? AfterEpoch = null) : SweepIntent(Trial, Attempt);

    public sealed record Score(int Trial, int Attempt) : SweepIntent(Trial, Attempt);

    public sealed record Release(int Trial, int Attempt) : SweepIntent(Trial, Attempt);

    /// <summary>What follows from events that have just been journalled.</summary>
    /// <param name="state">After them.</param>
    public static IEnumerable<SweepIntent> Of(SweepState state, IEnumerable<SweepEvent> events) => state.Settings?.IsExternal == true ? [] : events.SelectMany(happened => happened switch
    {
        SweepEvent.TrialSuggested e => OfTrial(state, e.Trial),
        SweepEvent.TrialRetried e => OfTrial(state, e.Trial).Concat(OfHalting(state.Trials[e.Trial])),
        SweepEvent.TrialPromoted e => OfTrial(state, e.Trial),
        SweepEvent.TrialContinued e => OfTrial(state, e.Trial),
        SweepEvent.TrialStopped e => OfHalting(state.Trials[e.Trial]),
        SweepEvent.WinnerChosen or SweepEvent.Ended or SweepEvent.Deleted => Outstanding(state),
        _ => [],
    }).Distinct();

    /// <summary>Everything that has not been answered: what to say again after a restart.</summary>
    public static IEnumerable<SweepIntent> Outstanding(SweepState state) => state.Phase switch
    {
        SweepPhase.None => [],
        _ when state.Settings!.IsExternal => [],
        SweepPhase.Searching => state.Due.SelectMany(due => OfTrial(state, due.Trial)).Concat(state.Halting.SelectMany(trial => OfHalting(state.Trials[trial]))),
        SweepPhase.Scoring => [new Score(state.Best!.Value, state.Trials[state.Best.Value].Attempt)],
        SweepPhase.Succeeded or SweepPhase.Failed or SweepPhase.Cancelled =>
            state.Trials.SelectMany(trial => OfEnded(trial, state.Kept.Contains(trial.Number))),
        SweepPhase.Deleted => state.Trials.SelectMany(trial => OfEnded(trial, kept: false)),
        _ => throw new UnreachableException($"{state.Phase} is no phase of a sweep."),
    };

    /// <summary>What is still wanted of the trial; later events may have passed the one that asked.</summary>
    private static IEnumerable<SweepIntent> OfTrial(SweepState state, int trial) =>
        state.Trials[trial] is var awaited && state.UntilOf(awaited) is var until && awaited.IsAwaited(until) ? [new Run(trial, awaited.Attempt, until)] : [];

    /// <summary>A further attempt may not have begun; what of it stands must be there all the same.</summary>
    private static IEnumerable<SweepIntent> OfHalting(Trial trial) => trial switch
    {
        { Halting: false } or { IsLost: true } => [],
        { HaltAfter: > 0 and var epoch, Attempt: > 1 } => [new Run(trial.Number, trial.Attempt, epoch), new Stop(trial.Number, trial.Attempt, epoch)],
        _ => [new Stop(trial.Number, trial.Attempt, trial.HaltAfter)],
    };

    private static IEnumerable<SweepIntent> OfEnded(Trial trial, bool kept)
    {
        foreach (var stop in OfHalting(trial))
        {
            yield return stop;
        }

        // What a lost attempt had saved is of no use to anybody.
        for (var attempt = 1; attempt <= trial.Attempt; attempt++)
        {
            var savedNothing = attempt == trial.Attempt && trial.End is { Checkpoint: "" };
            if (!savedNothing && (!kept || attempt < trial.Attempt))
            {
                yield return new Release(trial.Number, attempt);
            }
        }
    }
}
