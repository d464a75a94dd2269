namespace Orchestrator.Control.Runs;

/// <summary>What the end of a generation in mid-work means: placed again, or the run's end.</summary>
internal static class RunFailure
{
    private const int FreshTriesOfCorrupt = 2;

    /// <param name="reachedStep">The last step that any member was heard at.</param>
    public static IReadOnlyList<RunEvent> Of(RunState state, FailureKind kind, MemberPlace at, string message, string detail, long reachedStep,
        DateTimeOffset now)
    {
        var generation = state.Current!;
        var events = new List<RunEvent>();
        var resume = state.Latest;
        if (kind is FailureKind.Corrupt && generation.Checkpoint.Length > 0)
        {
            events.Add(new RunEvent.CheckpointRejected(generation.Checkpoint, now));
            var left = state.Checkpoints.RemoveAll(record => record.Id == generation.Checkpoint);
            state = state with { Checkpoints = left };
            resume = state.Latest;
        }

        var end = EndOf(state, generation, kind, message, detail, now);
        var (resumeStep, resumeEpoch) = (resume?.Step ?? 0, resume?.Epoch ?? 0);
        var reached = Math.Max(state.Step, reachedStep);
        var again = end.Count == 0 && generation.Purpose is TaskPurpose.Train;
        events.Add(new RunEvent.GenerationFailed(generation.Number, kind, at.Rank, at.Agent, message, detail,
            again ? Math.Max(0, reached - resumeStep) : 0, again ? resumeStep : state.Step, again ? resumeEpoch : state.Epoch, now));
        events.AddRange(end);
        return events;
    }

    /// <summary>Nothing where the work is to be tried again.</summary>
    private static IReadOnlyList<RunEvent> EndOf(
        RunState state, Generation generation, FailureKind kind, string message, string detail, DateTimeOffset now)
    {
        var best = state.Best?.Id ?? "";
        if (state.StopRequested && !kind.IsDeterministic())
        {
            return [new RunEvent.RunEnded(RunOutcome.Stopped, null, "", "", best, now)];
        }

        var budget = state.Plan!.BudgetOf(kind);
        if (kind is FailureKind.Corrupt && generation.Checkpoint.Length == 0)
        {
            // No checkpoint was read: it is the dataset, and every further try would read the same bytes.
            budget = Math.Min(budget, FreshTriesOfCorrupt);
        }

        var count = state.CountOf(kind) + 1;
        var nothingToScore = generation.Purpose is TaskPurpose.Score && best.Length == 0;
        if (!nothingToScore && count <= budget)
        {
            return [];
        }

        var why = kind.IsDeterministic() || nothingToScore
            ? message
            : $"{kind.Name()} {count} times, {budget} are allowed (training.failures): {message}";
        // A trial's result stands already when it is scored; its sweep must not wait for ever for a score that cannot be had.
        return generation.Purpose is TaskPurpose.Score && state.Outcome is not null
            ? [new RunEvent.TestScored(new Dictionary<string, double>(), why, now)]
            : [new RunEvent.RunEnded(RunOutcome.Failed, kind, why, detail, best, now)];
    }
}
