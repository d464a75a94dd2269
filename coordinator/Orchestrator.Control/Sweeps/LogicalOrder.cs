using Orchestrator.Search;

namespace Orchestrator.Control.Sweeps;

/// <summary>
/// Moves a sweep's logical time on. What is due is handled in the order (tick, trial) and never before everything due earlier, so what a suggestion or a stopper knows
/// does not depend on when anything came in. A free slot gets the next trial, or a promoted one, at the very tick that freed it.
/// </summary>
internal static class LogicalOrder
{
    /// <summary>Handles everything whose turn has come, fills the slots, and ends the sweep where nothing is left.</summary>
    /// <param name="at">The time on the clock, for the record only.</param>
    /// <param name="heard">The only trial of which something has come in since the last time; null where others may be ready too.</param>
    public static void Advance(Turn turn, DateTimeOffset at, int? heard = null)
    {
        if (turn.State is not { Phase: SweepPhase.Searching, IsPaused: false })
        {
            return;
        }

        Slots.Fill(turn);
        do
        {
            while (Next(turn.State, heard) is { } trial)
            {
                Handle(turn, trial);
                Judgement.Judge(turn, trial.Number, at);
                if (turn.State.Settings!.MaxFailures is { } most && turn.State.Failures > most)
                {
                    var last = turn.State.Trials[trial.Number].Message;
                    turn.End(SweepPhase.Failed, $"{turn.State.Failures} trials failed where max_failures is {most}; the last one: {last}", at);
                    return;
                }

                Slots.Fill(turn);
            }
        }
        while (turn.State.Due.IsEmpty && (Judgement.Last(turn, at) || Population.Exchange(turn, at)));

        if (turn.State.Due.IsEmpty && turn.State.Halting.IsEmpty)
        {
            Conclude(turn, at);
        }
    }

    /// <summary>Handles what came in though other trials are behind: when the sweep is given up, whatever is known counts.</summary>
    public static void HandleAllReceived(Turn turn)
    {
        foreach (var due in turn.State.Due)
        {
            while (!turn.State.Trials[due.Trial].HasEnded && IsReady(turn.State.Trials[due.Trial]))
            {
                Handle(turn, turn.State.Trials[due.Trial]);
            }
        }
    }

    private static Trial? Next(SweepState state, int? heard)
    {
        if (state.Due.IsEmpty)
        {
            return null;
        }

        if (state.Settings!.Order == TrialOrder.Arrival)
        {
            // Without rungs no other trial's report can have become due: not all slots need to be looked at for every report.
            if (heard is { } number && state.Settings.Stopper is null)
            {
                return !state.Trials[number].HasEnded && IsReady(state.Trials[number]) ? state.Trials[number] : null;
            }

            return state.Due.Select(due => state.Trials[due.Trial]).FirstOrDefault(IsReady);
        }

        var first = state.Trials[state.Due.Min.Trial];
        return IsReady(first) ? first : null;
    }

    private static bool IsReady(Trial trial) =>
        trial.Inbox.ContainsKey(trial.Values.Length + 1) || (trial.End is { } end && end.Ticks <= trial.Values.Length);

    private static void Handle(Turn turn, Trial trial)
    {
        var tick = trial.Values.Length + 1;
        turn.Emit(trial.Inbox.ContainsKey(tick)
            ? new SweepEvent.ReportHandled(trial.Number, tick)
            : new SweepEvent.TrialEnded(trial.Number, trial.End!.Status, trial.Due.Tick));
    }

    private static void Conclude(Turn turn, DateTimeOffset at)
    {
        if (turn.State.Best is not { } best)
        {
            var why = turn.State.Failures > 0
                ? $"the last failure: {turn.State.Trials.Last(trial => trial.Status == TrialStatus.Failed).Message}"
                : $"none reported '{turn.State.Settings!.Objective.Metric}'";
            turn.End(SweepPhase.Failed, $"no trial has a value; {why}", at);
        }
        else if (turn.State.Trials[best].End?.Checkpoint is { Length: > 0 })
        {
            turn.Emit(new SweepEvent.WinnerChosen(best));
        }
        else
        {
            // Nothing was saved, so nothing can be scored.
            turn.End(SweepPhase.Succeeded, turn.State.Closed, at);
        }
    }
}
