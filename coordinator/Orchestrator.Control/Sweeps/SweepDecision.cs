using System.Diagnostics;

namespace Orchestrator.Control.Sweeps;

/// <summary>What a sweep makes of a command: a pure function. Commands about trials that are late, doubled or of an older attempt decide nothing.</summary>
public static class SweepDecision
{
    /// <summary>How far ahead of logical time a trial's reports are kept; what is beyond comes again later.</summary>
    public const int MostTicksAhead = 100_000;

    /// <exception cref="SweepRefusedException">A person's command that the state does not allow.</exception>
    public static IReadOnlyList<SweepEvent> Decide(SweepState state, SweepCommand command)
    {
        if (state.Phase is SweepPhase.None or SweepPhase.Deleted && command is not SweepCommand.Submit)
        {
            return command is SweepCommand.Pause or SweepCommand.Resume or SweepCommand.Cancel or SweepCommand.Delete or SweepCommand.Extend or SweepCommand.Ask
                ? throw new SweepRefusedException("unknown-sweep", "there is no such sweep", "see orch sweep list")
                : [];
        }

        var turn = new Turn(state);
        switch (command)
        {
            case SweepCommand.Submit c:
                Submit(turn, c);
                break;
            case SweepCommand.Ask c:
                External.Ask(turn, c);
                break;
            case SweepCommand.Extend c:
                Extend(turn, c);
                break;
            case SweepCommand.TimeOut c:
                TimeOut(turn, c.At);
                break;
            case SweepCommand.Start c:
                Start(turn, c.Trial, c.Attempt, c.At);
                break;
            case SweepCommand.Report c:
                Report(turn, c);
                break;
            case SweepCommand.Finish c:
                Finish(turn, c);
                break;
            case SweepCommand.Score c:
                Score(turn, c);
                break;
            case SweepCommand.Pause:
                Pause(turn);
                break;
            case SweepCommand.Resume c:
                Resume(turn, c.At);
                break;
            case SweepCommand.Cancel c:
                Cancel(turn, c.At);
                break;
            case SweepCommand.Settle:
                Settle(turn);
                break;
            case SweepCommand.Delete:
                Delete(turn);
                break;
            default:
                throw new UnreachableException($"{command.GetType().Name} is no command of a sweep.");
        }

        return turn.Events;
    }

    private static void Submit(Turn turn, SweepCommand.Submit c)
    {
        if (turn.State.Phase != SweepPhase.None)
        {
            throw new SweepRefusedException("sweep-exists", $"sweep '{c.Id}' is there already", "submit again");
        }

        turn.Emit(new SweepEvent.Submitted(c.Id, c.Settings, c.Submission, c.At));
        LogicalOrder.Advance(turn, c.At);
    }

    private static void Start(Turn turn, int number, int attempt, DateTimeOffset at)
    {
        if (turn.State.Find(number, attempt) is { Status: TrialStatus.Pending })
        {
            turn.Emit(new SweepEvent.TrialStarted(number, attempt, at));
        }
    }

    private static void Report(Turn turn, SweepCommand.Report c)
    {
        // A trial whose end is known may still lack a report that the end overtook.
        if (turn.State.Find(c.Trial, c.Attempt) is not { Status: TrialStatus.Pending or TrialStatus.Running } trial
            || c.Tick <= trial.Values.Length || c.Tick > trial.Values.Length + MostTicksAhead || trial.Inbox.ContainsKey(c.Tick)
            || c.Tick > trial.End?.Ticks)
        {
            return;
        }

        Start(turn, c.Trial, c.Attempt, c.At);
        turn.Emit(new SweepEvent.ReportReceived(c.Trial, c.Tick, c.Metrics));
        LogicalOrder.Advance(turn, c.At, c.Trial);
        External.AfterReport(turn, c.Trial, c.At);
    }

    private static void Finish(Turn turn, SweepCommand.Finish c)
    {
        switch (turn.State.Find(c.Trial, c.Attempt))
        {
            case { Halting: true, HaltAfter: { } epoch } when c.End.Status == TrialStatus.Stopped && c.End.Ticks <= epoch:
                turn.Emit(new SweepEvent.HaltConfirmed(c.Trial, c.End));
                LogicalOrder.Advance(turn, c.End.At);
                break;

            case { Halting: true, IsLost: false, HaltAfter: { } epoch } when IsLoss(c.End) && c.End.Ticks < epoch && turn.State.Phase == SweepPhase.Searching:
                turn.Emit(new SweepEvent.HaltInterrupted(c.Trial, c.Attempt, c.End.Kind, c.End.Message));
                PauseAfterLoss(turn, c);
                break;

            case { Halting: true, HaltAfter: null }:
                turn.Emit(new SweepEvent.HaltConfirmed(c.Trial));
                break;

            case { Status: TrialStatus.Pending or TrialStatus.Running, End: null }:
                Start(turn, c.Trial, c.Attempt, c.End.At);
                if (IsLoss(c.End))
                {
                    Interrupt(turn, c);
                }
                else
                {
                    turn.Emit(new SweepEvent.EndReceived(c.Trial, c.End));
                    LogicalOrder.Advance(turn, c.End.At, c.Trial);
                }

                break;

            default:
                break;
        }
    }

    private static void Interrupt(Turn turn, SweepCommand.Finish c)
    {
        turn.Emit(new SweepEvent.TrialInterrupted(c.Trial, c.Attempt, c.End.Kind, c.End.Message));
        PauseAfterLoss(turn, c);
    }

    private static void PauseAfterLoss(Turn turn, SweepCommand.Finish c) => turn.Emit(new SweepEvent.Paused(
        $"trial {c.Trial}: its run failed ({c.End.Kind}): {c.End.Message}; mend the cause, then orch sweep retry {turn.State.Id}"));

    /// <summary>Another try may go better.</summary>
    private static bool IsLoss(TrialEnd end) => end.Status == TrialStatus.Failed && end.Kind is not ("user" or "diverged");

    private static void Score(Turn turn, SweepCommand.Score c)
    {
        if (turn.State.Phase == SweepPhase.Scoring && turn.State.Best == c.Trial && turn.State.Find(c.Trial, c.Attempt) is not null)
        {
            turn.Emit(new SweepEvent.WinnerScored(c.Trial, c.Metrics));
            turn.End(SweepPhase.Succeeded, "", c.At);
        }
    }

    private static void Pause(Turn turn)
    {
        RefuseIfEnded(turn.State);
        if (turn.State.Phase == SweepPhase.Scoring)
        {
            throw new SweepRefusedException("sweep-ended", $"every trial of '{turn.State.Id}' has ended", "nothing is left to pause");
        }

        if (!turn.State.IsPaused)
        {
            turn.Emit(new SweepEvent.Paused($"paused on request; orch sweep resume {turn.State.Id} goes on"));
        }
    }

    private static void Resume(Turn turn, DateTimeOffset at)
    {
        RefuseIfEnded(turn.State);
        if (!turn.State.IsPaused)
        {
            return;
        }

        var lost = turn.State.Due.Select(due => turn.State.Trials[due.Trial]).Where(trial => trial.Status == TrialStatus.Paused)
            .Concat(turn.State.Halting.Select(number => turn.State.Trials[number]).Where(trial => trial.IsLost)).ToArray();
        foreach (var trial in lost)
        {
            turn.Emit(new SweepEvent.TrialRetried(trial.Number, trial.Attempt + 1));
        }

        turn.Emit(new SweepEvent.Resumed());
        LogicalOrder.Advance(turn, at);
    }

    private static void Cancel(Turn turn, DateTimeOffset at)
    {
        if (turn.State.Phase == SweepPhase.Cancelled)
        {
            return;
        }

        RefuseIfEnded(turn.State);
        LogicalOrder.HandleAllReceived(turn);
        turn.End(SweepPhase.Cancelled, "cancelled on request", at);
    }

    private static void Extend(Turn turn, SweepCommand.Extend c)
    {
        if (turn.State.Phase is SweepPhase.Failed or SweepPhase.Cancelled)
        {
            RefuseIfEnded(turn.State);
        }

        if (c.Trials <= turn.State.Settings!.Trials)
        {
            if (c.Trials == turn.State.Settings.Trials)
            {
                return;
            }

            throw new SweepRefusedException(
                "out-of-range", $"sweep '{turn.State.Id}' is to have {turn.State.Settings.Trials} trials already", $"--trials takes a greater number than {turn.State.Settings.Trials}");
        }

        if (turn.State.IsExhausted)
        {
            throw new SweepRefusedException("out-of-range", $"the sampler '{turn.State.Settings.Sampler}' has no more points", "submit a file with a wider space, or another sampler");
        }

        if (turn.State is { Settings.Population: not null, Phase: not SweepPhase.Searching })
        {
            throw new SweepRefusedException("sweep-ended", $"the members of '{turn.State.Id}' have trained to their end", "submit the file again with more training.epochs");
        }

        turn.Emit(new SweepEvent.Extended(c.Trials));
        LogicalOrder.Advance(turn, c.At);
    }

    private static void TimeOut(Turn turn, DateTimeOffset at)
    {
        if (turn.State is { Phase: SweepPhase.Searching, Closed: "", Settings.Stop.Seconds: { } seconds } && at - turn.State.SubmittedAt >= TimeSpan.FromSeconds(seconds))
        {
            Judgement.Close(turn, $"the time of {seconds} s that the file gives is over", at, isRepeatable: false);
            LogicalOrder.Advance(turn, at);
        }
    }

    private static void Settle(Turn turn)
    {
        if (turn.State is { HasEnded: true, IsSettled: false })
        {
            turn.Emit(new SweepEvent.Settled());
        }
    }

    private static void Delete(Turn turn)
    {
        if (!turn.State.HasEnded)
        {
            throw new SweepRefusedException(
                "sweep-running", $"sweep '{turn.State.Id}' has not ended", $"cancel it first: orch sweep cancel {turn.State.Id}");
        }

        turn.Emit(new SweepEvent.Deleted());
    }

    private static void RefuseIfEnded(SweepState state)
    {
        if (state.HasEnded)
        {
            throw new SweepRefusedException(
                "sweep-ended", $"sweep '{state.Id}' has ended ({state.Phase.ToString().ToLowerInvariant()})", "submit the file again");
        }
    }
}
