using System.Diagnostics;

namespace Orchestrator.Control.Sweeps;

/// <summary>What a sweep wants of the run coordinator. Saying it twice is harmless.</summary>
public abstract record SweepIntent(int Trial, int Attempt)
{
    public sealed record Run(int Trial, int Attempt) : SweepIntent(Trial, Attempt);

    /// <summary>At once: the sweep is through with the trial.</summary>
    public sealed record Stop(int Trial, int Attempt) : SweepIntent(Trial, Attempt);

    public sealed record Score(int Trial, int Attempt) : SweepIntent(Trial, Attempt);

    public sealed record Release(int Trial, int Attempt) : SweepIntent(Trial, Attempt);

    /// <summary>What follows from events that have just been journalled.</summary>
    /// <param name="state">After them.</param>
    public static IEnumerable<SweepIntent> Of(SweepState state, IEnumerable<SweepEvent> events) => events.SelectMany(happened => happened switch
    {
        SweepEvent.TrialSuggested e => OfTrial(state, e.Trial),
        SweepEvent.TrialRetried e => OfTrial(state, e.Trial),
        SweepEvent.WinnerChosen or SweepEvent.Ended or SweepEvent.Deleted => Outstanding(state),
        _ => [],
    }).Distinct();

    /// <summary>Everything that has not been answered: what to say again after a restart.</summary>
    public static IEnumerable<SweepIntent> Outstanding(SweepState state) => state.Phase switch
    {
        SweepPhase.None => [],
        SweepPhase.Searching => state.Due.SelectMany(due => OfTrial(state, due.Trial)),
        SweepPhase.Scoring => [new Score(state.Best!.Value, state.Trials[state.Best.Value].Attempt)],
        SweepPhase.Succeeded or SweepPhase.Failed or SweepPhase.Cancelled =>
            state.Trials.SelectMany(trial => OfEnded(trial, state.Kept.Contains(trial.Number))),
        SweepPhase.Deleted => state.Trials.SelectMany(trial => OfEnded(trial, kept: false)),
        _ => throw new UnreachableException($"{state.Phase} is no phase of a sweep."),
    };

    /// <summary>What is still wanted of the trial; later events may have passed the one that asked.</summary>
    private static IEnumerable<SweepIntent> OfTrial(SweepState state, int trial) =>
        state.Trials[trial] is { IsAwaited: true } awaited ? [new Run(trial, awaited.Attempt)] : [];

    private static IEnumerable<SweepIntent> OfEnded(Trial trial, bool kept)
    {
        if (trial.Halting)
        {
            yield return new Stop(trial.Number, trial.Attempt);
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
