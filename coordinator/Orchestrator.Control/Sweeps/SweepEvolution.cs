using System.Diagnostics;
using Orchestrator.Search;

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
        SweepEvent.TrialRested e => Rested(state, e),
        SweepEvent.TrialGathered e => Gathered(state, e),
        SweepEvent.TrialContinued e => Continued(state, e),
        SweepEvent.TrialPromoted e => Promoted(state, e),
        SweepEvent.TrialStopped e => Stopped(state, e),
        SweepEvent.SearchClosed e => state with { Closed = e.Reason, IsRepeatable = state.IsRepeatable && e.IsRepeatable },
        SweepEvent.Extended e => state with
        {
            Settings = state.Settings! with { Trials = e.Trials },
            Phase = SweepPhase.Searching,
            Closed = "",
            IsSettled = false,
            EndedAt = null,
            Message = state.IsPaused ? state.Message : "",
            SinceBest = 0,
        },
        SweepEvent.TrialLeased e => Change(state, e.Trial, trial => trial with { Lease = e.Lease, Status = TrialStatus.Running, StartedAt = trial.StartedAt ?? e.Lease.Until - state.Settings!.Lease!.Value }),
        SweepEvent.LeaseEnded e => Change(state, e.Trial, trial => trial with { Lease = null }),
        SweepEvent.TrialStarted e => Change(state, e.Trial, trial => trial with { Status = TrialStatus.Running, StartedAt = trial.StartedAt ?? e.At }),
        SweepEvent.ReportReceived e => Change(state, e.Trial, trial => trial with { Inbox = trial.Inbox.SetItem(e.Tick, e.Metrics) }),
        SweepEvent.ReportHandled e => Handled(state, e),
        SweepEvent.EndReceived e => Change(state, e.Trial, trial => trial with { End = e.End }),
        SweepEvent.TrialEnded e => TrialEnded(state, e),
        SweepEvent.TrialInterrupted e => Change(state, e.Trial, trial => trial with { Status = TrialStatus.Paused, Message = e.Message }),
        SweepEvent.HaltInterrupted e => Change(state, e.Trial, trial => trial with { IsLost = true }),
        SweepEvent.TrialRetried e => Change(state, e.Trial, trial => trial.HasEnded
            ? trial with { Attempt = e.Attempt, IsLost = false }
            : trial with { Status = TrialStatus.Pending, Attempt = e.Attempt, Message = "" }),
        SweepEvent.Paused e => state with { IsPaused = true, Message = e.Message },
        SweepEvent.Resumed => state with { IsPaused = false, Message = "" },
        SweepEvent.WinnerChosen => state with { Phase = SweepPhase.Scoring },
        SweepEvent.WinnerScored e => Change(state, e.Trial, trial => trial with { TestMetrics = e.Metrics }),
        SweepEvent.Ended e => Ended(state, e),
        SweepEvent.HaltConfirmed e => Change(state, e.Trial, trial => trial with { Halting = false, End = e.End ?? trial.End }) with { Halting = state.Halting.Remove(e.Trial) },
        SweepEvent.Settled => state with { IsSettled = true },
        SweepEvent.Deleted => state with { Phase = SweepPhase.Deleted },
        _ => throw new UnreachableException($"{happened.GetType().Name} is no event of a sweep."),
    };

    private static SweepState Change(SweepState state, int trial, Func<Trial, Trial> change) => state.With(change(state.Trials[trial]));

    private static SweepState Suggested(SweepState state, SweepEvent.TrialSuggested e)
    {
        Debug.Assert(e.Trial == state.Trials.Count, "Trials are numbered without gaps.");
        var trial = new Trial { Number = e.Trial, Parameters = e.Parameters, Start = e.Tick, Reason = e.Reason };
        if (e.From is { } from)
        {
            // It has the source's checkpoint, and with it what the source was worth there.
            var source = state.Trials[from.Trial];
            trial = trial with
            {
                From = from,
                Start = e.Tick - from.Epoch,
                Values = source.Values[..from.Epoch],
                Standing = state.Settings!.Objective.At == ReportChoice.Best ? source.Latest : source.Standing,
                Latest = source.Latest,
            };
        }

        return state with { Trials = state.Trials.Add(trial), Due = state.Due.Add(trial.Due) };
    }

    private static SweepState Handled(SweepState state, SweepEvent.ReportHandled e)
    {
        var trial = state.Trials[e.Trial];
        Debug.Assert(e.Tick == trial.Values.Length + 1, "A trial's reports are handled one after the other.");
        var objective = state.Settings!.Objective;
        var metrics = trial.Inbox[e.Tick];
        var values = trial.Values.Add(objective.In(metrics));
        var next = trial with
        {
            Values = values,
            Inbox = trial.Inbox.Remove(e.Tick),
            Standing = StandingReport.After(objective, values, metrics, trial.Standing),
            Latest = state.Settings.Population is null ? null : new StandingReport(values.Length, values[^1], metrics),
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
            Lease = null,
        };
        return OutOfRace(Valued(state.With(ended) with
        {
            Due = state.Due.Remove(trial.Due),
            Clock = Math.Max(state.Clock, e.Tick),
            Failures = state.Failures + (e.Status == TrialStatus.Failed ? 1 : 0),
            // Only a person ends a run from outside.
            IsRepeatable = state.IsRepeatable && e.Status != TrialStatus.Cancelled,
        }, ended), ended);
    }

    /// <summary>A trial that has ended may be the best one.</summary>
    private static SweepState Valued(SweepState state, Trial ended)
    {
        var isBest = ended.Value is not null
            && (state.Best is not { } best || Ranking.Compare(state.Settings!, ended, state.Trials[best]) < 0);
        return state with { Best = isBest ? ended.Number : state.Best, SinceBest = isBest ? 0 : state.SinceBest + 1 };
    }

    /// <summary>A trial that has ended comes to no further rung.</summary>
    private static SweepState OutOfRace(SweepState state, Trial ended)
    {
        if (state.Settings!.Stopper is not { } stopper || StopperCatalog.Halving(stopper) is not { } halving)
        {
            return state;
        }

        var bracket = halving.BracketOf(ended.Number, state.TrialsInAll);
        var next = bracket.NextRung(ended.Values.Length);
        return next < bracket.Rungs.Count ? state with { Ladder = state.Ladder.Miss(bracket.Index, next) } : state;
    }

    private static SweepState Rested(SweepState state, SweepEvent.TrialRested e)
    {
        var trial = state.Trials[e.Trial];
        var entry = RungEntry.Of(state.Settings!.Objective.Goal, e.Trial, e.Value);
        return state.With(trial with { Status = TrialStatus.Resting, Rung = new RungMark(e.Epoch, e.Rank, e.Of), Lease = null }) with
        {
            Due = state.Due.Remove(trial.Due),
            Clock = Math.Max(state.Clock, e.Tick),
            Ladder = state.Ladder.Enter(e.Bracket, e.Rung, entry),
        };
    }

    private static SweepState Gathered(SweepState state, SweepEvent.TrialGathered e)
    {
        var trial = state.Trials[e.Trial];
        return state.With(trial with { Status = TrialStatus.Resting }) with { Due = state.Due.Remove(trial.Due), Clock = Math.Max(state.Clock, e.Tick) };
    }

    private static SweepState Continued(SweepState state, SweepEvent.TrialContinued e)
    {
        var trial = state.Trials[e.Trial];
        var next = trial with { Status = TrialStatus.Running, Rested = e.Tick - trial.Start - trial.Values.Length, Rung = new RungMark(e.Epoch, e.Rank, e.Of) };
        return state.With(next) with { Due = state.Due.Add(next.Due) };
    }

    private static SweepState Promoted(SweepState state, SweepEvent.TrialPromoted e)
    {
        var trial = state.Trials[e.Trial];
        var next = trial with { Status = TrialStatus.Running, Rested = e.Tick - trial.Start - trial.Values.Length };
        return state.With(next) with
        {
            Due = state.Due.Add(next.Due),
            Ladder = state.Ladder.Promote(e.Bracket, e.Rung, RungEntry.Of(state.Settings!.Objective.Goal, e.Trial, trial.Standing?.Value)),
        };
    }

    private static SweepState Stopped(SweepState state, SweepEvent.TrialStopped e)
    {
        var trial = state.Trials[e.Trial];
        var halts = !state.Settings!.IsExternal;
        var stopped = trial with
        {
            Status = TrialStatus.Stopped,
            Message = e.Reason,
            EndedAt = e.At,
            Inbox = trial.Inbox.Clear(),
            // What it says of its end may be of later than that.
            End = null,
            Halting = halts,
            Lease = null,
        };
        var next = Valued(state.With(stopped) with
        {
            Due = state.Due.Remove(trial.Due),
            Clock = Math.Max(state.Clock, e.Tick),
            Halting = halts ? state.Halting.Add(e.Trial) : state.Halting,
        }, stopped);
        if (e is not { Bracket: { } bracket, Rung: { } rung })
        {
            return OutOfRace(next, stopped);
        }

        var (place, entry) = (next.Ladder.At(bracket, rung), RungEntry.Of(state.Settings!.Objective.Goal, e.Trial, trial.Standing?.Value));
        return next.With(stopped with { Rung = new RungMark(e.Epoch, place.RankOf(entry) + 1, place.Entries.Count) }) with { Ladder = next.Ladder.Stop(bracket, rung, entry) };
    }

    private static SweepState Ended(SweepState state, SweepEvent.Ended e)
    {
        var trials = state.Trials;
        var resting = state.Trials.Where(trial => trial.Status == TrialStatus.Resting).Select(trial => trial.Number);
        foreach (var number in state.Due.Select(due => due.Trial).Concat(resting))
        {
            var trial = trials[number];
            trials = trials.SetItem(number, trial with
            {
                Status = TrialStatus.Cancelled,
                Inbox = trial.Inbox.Clear(),
                Halting = trial.End is null && trial.Status != TrialStatus.Paused && !state.Settings!.IsExternal,
                EndedAt = e.At,
                Lease = null,
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
            Ladder = state.Ladder with { Open = [] },
            IsPaused = false,
        };
    }
}
