using System.Diagnostics;

namespace Orchestrator.Control.Sweeps;

/// <summary>What an event makes of a sweep. Total: every event that was ever journalled can be applied.</summary>
public static class SweepEvolution
{
    public static SweepState Apply(SweepState state, SweepEvent happened) => happened switch
    {
        SweepEvent.Submitted e => new SweepState
        {
            Id = e.Id,
            Phase = SweepPhase.Searching,
            Settings = e.Settings,
            Submission = e.Submission,
            SubmittedAt = e.At,
            IsRepeatable = e.Settings.Order == TrialOrder.Logical,
        },
        SweepEvent.TrialSuggested e => Suggested(state, e),
        SweepEvent.SamplerExhausted => state with { IsExhausted = true },
        SweepEvent.TrialStarted e => Change(state, e.Trial, trial => trial with { Status = TrialStatus.Running, StartedAt = trial.StartedAt ?? e.At }),
        SweepEvent.ReportReceived e => Change(state, e.Trial, trial => trial with { Inbox = trial.Inbox.SetItem(e.Tick, e.Metrics) }),
        SweepEvent.ReportHandled e => Handled(state, e),
        SweepEvent.EndReceived e => Change(state, e.Trial, trial => trial with { End = e.End }),
        SweepEvent.TrialEnded e => TrialEnded(state, e),
        SweepEvent.TrialInterrupted e => Change(state, e.Trial, trial => trial with { Status = TrialStatus.Paused, Message = e.Message }),
        SweepEvent.TrialRetried e => Change(state, e.Trial, trial => trial with { Status = TrialStatus.Pending, Attempt = e.Attempt, Message = "" }),
        SweepEvent.Paused e => state with { IsPaused = true, Message = e.Message },
        SweepEvent.Resumed => state with { IsPaused = false, Message = "" },
        SweepEvent.WinnerChosen => state with { Phase = SweepPhase.Scoring },
        SweepEvent.WinnerScored e => Change(state, e.Trial, trial => trial with { TestMetrics = e.Metrics }),
        SweepEvent.Ended e => Ended(state, e),
        SweepEvent.HaltConfirmed e => Change(state, e.Trial, trial => trial with { Halting = false }),
        SweepEvent.Settled => state with { IsSettled = true },
        SweepEvent.Deleted => state with { Phase = SweepPhase.Deleted },
        _ => throw new UnreachableException($"{happened.GetType().Name} is no event of a sweep."),
    };

    private static SweepState Change(SweepState state, int trial, Func<Trial, Trial> change) => state.With(change(state.Trials[trial]));

    private static SweepState Suggested(SweepState state, SweepEvent.TrialSuggested e)
    {
        Debug.Assert(e.Trial == state.Trials.Count, "Trials are numbered without gaps.");
        var trial = new Trial { Number = e.Trial, Parameters = e.Parameters, Start = e.Tick };
        return state with { Trials = state.Trials.Add(trial), Due = state.Due.Add(trial.Due) };
    }

    private static SweepState Handled(SweepState state, SweepEvent.ReportHandled e)
    {
        var trial = state.Trials[e.Trial];
        Debug.Assert(e.Tick == trial.Values.Count + 1, "A trial's reports are handled one after the other.");
        var objective = state.Settings!.Objective;
        var report = StandingReport.Of(objective, e.Tick, trial.Inbox[e.Tick]);
        var next = trial with
        {
            Values = trial.Values.Add(report.Value),
            Inbox = trial.Inbox.Remove(e.Tick),
            Standing = report.Over(trial.Standing, objective),
        };
        return state.With(next) with { Due = state.Due.Remove(trial.Due).Add(next.Due), Clock = Math.Max(state.Clock, trial.Due.Tick) };
    }

    private static SweepState TrialEnded(SweepState state, SweepEvent.TrialEnded e)
    {
        var trial = state.Trials[e.Trial];
        var ended = trial with
        {
            Status = e.Status,
            Message = trial.End?.Message ?? "",
            EndedAt = trial.End?.At,
            Inbox = trial.Inbox.Clear(),
        };
        return state.With(ended) with
        {
            Due = state.Due.Remove(trial.Due),
            Clock = Math.Max(state.Clock, e.Tick),
            Failures = state.Failures + (e.Status == TrialStatus.Failed ? 1 : 0),
            Best = IsNewBest(state, ended) ? ended.Number : state.Best,
            // Only a person ends a run from outside.
            IsRepeatable = state.IsRepeatable && e.Status != TrialStatus.Cancelled,
        };
    }

    private static bool IsNewBest(SweepState state, Trial ended) =>
        ended.Value is not null
        && (state.Best is not { } best || Ranking.Compare(state.Settings!.Objective, ended, state.Trials[best]) < 0);

    private static SweepState Ended(SweepState state, SweepEvent.Ended e)
    {
        var trials = state.Trials;
        foreach (var due in state.Due)
        {
            var trial = trials[due.Trial];
            trials = trials.SetItem(due.Trial, trial with
            {
                Status = TrialStatus.Cancelled,
                Inbox = trial.Inbox.Clear(),
                Halting = trial.End is null && trial.Status != TrialStatus.Paused,
                EndedAt = e.At,
            });
        }

        return state with
        {
            Phase = e.Phase,
            Message = e.Message,
            Kept = e.Kept,
            EndedAt = e.At,
            Trials = trials,
            Due = state.Due.Clear(),
            IsPaused = false,
        };
    }
}
