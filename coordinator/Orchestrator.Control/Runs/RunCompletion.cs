namespace Orchestrator.Control.Runs;

/// <summary>How a run comes to its end by its trainers' words: trained, stopped, paused, scored, or left with its last step written down.</summary>
internal static class RunCompletion
{
    public static IReadOnlyList<RunEvent> End(RunState state, RunCommand.End c)
    {
        if (state.SpeakerOf(c.Generation, c.Rank) is not { IsGone: false } speaker)
        {
            return [];
        }

        if (state.Next?.IsNew(speaker) == true)
        {
            return RunFailure.OfNewcomer(state, Preempted(speaker, c));
        }

        if (c.Stopped && !state.StopRequested && state.Purpose is TaskPurpose.Train)
        {
            return Leave(state, speaker, c);
        }

        var completed = new RunEvent.TrainingCompleted(state.LastGeneration, c.Step, c.Epoch, c.WeightsHash, c.SamplesPerEpoch, c.At, c.Paused, c.Stopped);
        if (state.Current is not { } current)
        {
            // It waits for a generation large enough, as far as we know; the one that was given up has come to the end all the same.
            return speaker.Place.Rank == 0 && !c.Stopped && c.Epoch == state.Epoch && c.Step <= state.CommittedStep ? Completed(state, completed, c.At) : [];
        }

        if (state.Phase is RunPhase.Forming && current.IsNew(speaker))
        {
            return [];
        }

        if (speaker.Place.Rank == 0 && c.Epoch > state.Epoch && !c.Stopped && current.Purpose is TaskPurpose.Train)
        {
            // It overtook its own report of an epoch; both come again.
            return [];
        }

        RunEvent ended = new RunEvent.MemberEnded(current.Number, speaker.Place.Rank, c.At);
        if (current.Purpose is TaskPurpose.Score)
        {
            return [ended, .. Scored(state, c.Metrics, "", c.At)];
        }

        if (speaker.Place.Rank != 0)
        {
            return [ended];
        }

        // The end can come before the word of this generation does: whoever was rank 0 up to there has the last checkpoint.
        return !state.Plan!.IsCommand && state.CommittedStep < c.Step
            ? [ended, completed]
            : [ended, .. Completed(state, completed, c.At)];
    }

    /// <summary>Its agent drains, and nobody took over: the run goes on elsewhere from the checkpoint that it has just written, or with those that still have the state.</summary>
    private static IReadOnlyList<RunEvent> Leave(RunState state, Member speaker, RunCommand.End c)
    {
        if (state.Phase is not RunPhase.Working || state.Current!.Number != c.LeftGeneration)
        {
            return RunFailure.Of(state, Preempted(speaker, c));
        }

        // All of them leave; rank 0 is heard once its checkpoint stands.
        return speaker.Place.Rank != 0
            ? [new RunEvent.MemberEnded(c.LeftGeneration, speaker.Place.Rank, c.At)]
            : RunFailure.Of(state, Preempted(speaker, c) with { Others = state.Current.Members.Remove(speaker) });
    }

    private static Loss Preempted(Member speaker, RunCommand.End c) => new(FailureKind.Preempted, speaker, "its agent drains, and nobody took over", "", c.Step, c.NextSpanId, c.At);

    /// <summary>What rank 0 said stands from here on: the last checkpoint is committed, and the others have nothing left to add.</summary>
    public static IReadOnlyList<RunEvent> Completed(RunState state, RunEvent.TrainingCompleted completed, DateTimeOffset at)
    {
        var weights = new RunEvent.TrainingEnded(completed.Generation, completed.Step, completed.Epoch, completed.WeightsHash, completed.SamplesPerEpoch, at, completed.Paused);
        return state.CutAfter <= completed.Epoch ? [weights, .. RunCut.At(state, state.CutAfter.Value, at)]
            : completed.Paused ? [weights]
            : [weights, .. Trained(state, completed.Stopped, at)];
    }

    public static IReadOnlyList<RunEvent> LoseLast(RunState state, RunCommand.LoseLast c) =>
        state.Current is { } generation && generation.Number == c.Generation && state.Completed is { } completed && generation.Members.TrueForAll(member => member.IsGone)
            ? RunFailure.Of(state, new Loss(FailureKind.Lost, generation.Members[0], "the last checkpoint was lost with who left", "", completed.Step, c.NextSpanId, c.At))
            : [];

    /// <summary>A run of its own is scored by its best checkpoint before it succeeds; a trial waits until its sweep asks.</summary>
    private static IReadOnlyList<RunEvent> Trained(RunState state, bool stopped, DateTimeOffset at)
    {
        var best = state.Best?.Id ?? "";
        return (stopped, state.Trial, best) switch
        {
            (true, _, _) => [new RunEvent.RunEnded(RunOutcome.Stopped, null, "", "", best, at)],
            (_, null, not "") when state.Plan!.IsScored => [new RunEvent.ScoreRequested(at)],
            _ => [new RunEvent.RunEnded(RunOutcome.Succeeded, null, "", "", best, at)],
        };
    }

    private static IReadOnlyList<RunEvent> Scored(RunState state, IReadOnlyDictionary<string, double> metrics, string message, DateTimeOffset at)
    {
        var scored = new RunEvent.TestScored(metrics, message, at);
        return state.Outcome is null
            ? [scored, new RunEvent.RunEnded(RunOutcome.Succeeded, null, message, "", state.Best?.Id ?? "", at)]
            : [scored];
    }
}
