namespace Orchestrator.Control.Runs;

/// <summary>How a run ends at an epoch that it has not come to yet, or has passed, so that nobody can tell which: its sweep decides in logical time, and the run may be ahead of it.</summary>
internal static class RunCut
{
    public static IReadOnlyList<RunEvent> Of(RunState state, RunCommand.Cut c)
    {
        if (state.Phase is RunPhase.Unknown || (state.Outcome is RunOutcome.Stopped && state.Epoch <= c.Epoch))
        {
            return [];
        }

        return IsComplete(state, c.Epoch) ? At(state, c.Epoch, c.At)
            : state.Outcome is null && state.CutAfter is null ? [new RunEvent.CutRequested(c.Epoch, c.At)]
            : [];
    }

    /// <summary>The events, and the cut with them where they bring the last of what it waited for.</summary>
    public static IReadOnlyList<RunEvent> WhereDue(RunState state, DateTimeOffset at, params IReadOnlyList<RunEvent> events) =>
        state.CutAfter is { } epoch && events.Aggregate(state, RunEvolution.Apply) is var after && IsComplete(after, epoch) ? [.. events, .. At(after, epoch, at)] : events;

    /// <summary>
    /// Whether nothing that counts to this epoch is still to come. The report of an epoch comes before its checkpoint, and a checkpoint may have been lost with steps that are computed again: were the run cut
    /// before it is there, what is left of the run would depend on the moment.
    /// </summary>
    private static bool IsComplete(RunState state, int epoch)
    {
        if (state.Outcome is RunOutcome.Succeeded or RunOutcome.Cancelled)
        {
            return true;
        }

        if (state.Epoch < epoch || (state.Phase is RunPhase.Working && state.TargetOf(state.Current!.UntilEpoch) == epoch))
        {
            // It ends there by itself, and says so when all is told.
            return false;
        }

        return state.IsPaused || state.Plan!.IsCommand || state.Outcome is not null
            || state.Plan.Retention.BestEpoch(state.History.Where(record => record.Epoch <= epoch)) is not { } best
            || state.Checkpoints.Exists(record => record.Epoch == best);
    }

    public static IReadOnlyList<RunEvent> At(RunState state, int epoch, DateTimeOffset at)
    {
        var beyond = state.Checkpoints.FindAll(record => record.Epoch > epoch);
        var best = state.Plan!.Retention.Best(state.Checkpoints.RemoveRange(beyond))?.Id ?? "";
        return
        [
            new RunEvent.RunCut(epoch, at),
            .. beyond.Select(record => new RunEvent.CheckpointReleased(record.Id, at)),
            new RunEvent.RunEnded(RunOutcome.Stopped, null, "", "", best, at),
        ];
    }
}
