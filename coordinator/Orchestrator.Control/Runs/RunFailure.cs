using System.Collections.Immutable;

namespace Orchestrator.Control.Runs;

/// <summary>A trainer that is gone.</summary>
/// <param name="ReachedStep">The last step that any member was heard at.</param>
internal sealed record Loss(FailureKind Kind, Member Member, string Message, string Detail, long ReachedStep, string NextSpanId, DateTimeOffset At)
{
    /// <summary>The generation is over, but this one lives and goes on too.</summary>
    public bool Lives { get; init; }

    /// <summary>Those that go with it.</summary>
    public ImmutableList<Member> Others { get; init; } = [];

    public IReadOnlyList<Silence> Silences { get; init; } = [];
}

/// <summary>What the loss of a trainer means: the others go on without it, or wait for more; where none is left the work is placed again; or it is the run's end.</summary>
internal static class RunFailure
{
    private const int FreshTriesOfCorrupt = 2;

    public static IReadOnlyList<RunEvent> Of(RunState state, Loss loss)
    {
        if (state.Current is not { } generation)
        {
            return OfWaiting(state, loss);
        }

        var survivors = loss.Kind.IsDeterministic() ? [] : Succession.SurvivorsOf(state, loss);
        var events = new List<RunEvent>();
        if (loss.Kind is FailureKind.Corrupt && state.Checkpoints.Exists(record => record.Id == generation.Checkpoint))
        {
            // Later ones may have taken its place since it was read.
            events.Add(new RunEvent.CheckpointRejected(generation.Checkpoint, loss.At));
            state = state with { Checkpoints = state.Checkpoints.RemoveAll(record => record.Id == generation.Checkpoint) };
        }

        var end = EndOf(state, loss, generation.Purpose, fresh: generation.Checkpoint.Length == 0, survivors);
        var (resumeStep, resumeEpoch, lost) = end.Count > 0 || generation.Purpose is not TaskPurpose.Train
            ? (state.Step, state.Epoch, 0)
            : ResumeOf(state, survivors, loss.ReachedStep);
        var failed = new RunEvent.GenerationFailed(generation.Number, loss.Kind, loss.Member.Place.Rank, loss.Member.Place.Agent, loss.Message, loss.Detail,
            lost, resumeStep, resumeEpoch, loss.At, [.. (end.Count > 0 ? [] : survivors).Select(member => member.Trainer)], loss.Silences.Count > 0 ? loss.Silences : null);
        events.Add(failed);
        events.AddRange(end.Count > 0 ? end : Next(RunEvolution.Apply(state, failed), loss));
        return events;
    }

    /// <summary>One that loads beside a working generation: that one goes on, unless the kind has no more budget.</summary>
    public static IReadOnlyList<RunEvent> OfNewcomer(RunState state, Loss loss)
    {
        var dropped = new RunEvent.SuccessorDropped(state.Next!.Number, loss.Kind, loss.Member.Place.Agent, loss.Message, loss.At);
        return [dropped, .. EndOf(state, loss, TaskPurpose.Train, fresh: true, state.Members)];
    }

    /// <summary>One of those that wait for a generation large enough.</summary>
    private static IReadOnlyList<RunEvent> OfWaiting(RunState state, Loss loss)
    {
        var survivors = Succession.SurvivorsOf(state, loss);
        var end = EndOf(state, loss, TaskPurpose.Train, fresh: true, survivors);
        var (resumeStep, resumeEpoch, lost) = end.Count > 0 ? (state.Step, state.Epoch, 0) : ResumeOf(state, survivors, state.Step);
        return [new RunEvent.SurvivorLost(loss.Member.Trainer, loss.Kind, loss.Member.Place.Agent, loss.Message, lost, resumeStep, resumeEpoch, loss.At), .. end];
    }

    /// <summary>While one copy of the state lives no step is lost; without any, those since the last checkpoint.</summary>
    private static (long Step, int Epoch, long Lost) ResumeOf(RunState state, ImmutableList<Member> survivors, long reachedStep)
    {
        var reached = Math.Max(state.Step, reachedStep);
        var resume = state.Latest;
        return survivors.Count > 0
            ? (reached, state.Epoch, 0)
            : (resume?.Step ?? 0, resume?.Epoch ?? 0, Math.Max(0, reached - (resume?.Step ?? 0)));
    }

    private static IReadOnlyList<RunEvent> Next(RunState state, Loss loss) => state.Survivors.Count > 0 && state.Survivors.Count >= state.MinWorkers
        ? Succession.Propose(state, state.Survivors, [], state.Step, loss.NextSpanId, loss.At)
        : [];

    /// <summary>Nothing where the work goes on or is to be tried again.</summary>
    private static IReadOnlyList<RunEvent> EndOf(RunState state, Loss loss, TaskPurpose purpose, bool fresh, ImmutableList<Member> survivors)
    {
        var best = state.Best?.Id ?? "";
        // The scoring of a trial that was stopped is tried again like any other: its result stands already.
        if (state.StopRequested && purpose is TaskPurpose.Train && !loss.Kind.IsDeterministic() && survivors.Count == 0)
        {
            return [new RunEvent.RunEnded(RunOutcome.Stopped, null, "", "", best, loss.At)];
        }

        if (loss.Kind is FailureKind.Corrupt && state.From.Length > 0 && state.Checkpoints.IsEmpty)
        {
            // It can't begin anywhere else: from step 0 it would be another run.
            return [new RunEvent.RunEnded(RunOutcome.Failed, loss.Kind, $"its copy of {state.From}, where it began, is damaged: {loss.Message}", loss.Detail, "", loss.At)];
        }

        var budget = state.Plan!.BudgetOf(loss.Kind);
        if (loss.Kind is FailureKind.Corrupt && fresh)
        {
            // No checkpoint was read: it is the dataset, and every further try would read the same bytes.
            budget = Math.Min(budget, FreshTriesOfCorrupt);
        }

        var count = state.CountOf(loss.Kind) + 1;
        var nothingToScore = purpose is TaskPurpose.Score && best.Length == 0;
        if (!nothingToScore && count <= budget)
        {
            return [];
        }

        var why = loss.Kind.IsDeterministic() || nothingToScore
            ? loss.Message
            : $"{loss.Kind.Name()} {count} times, {budget} are allowed (training.failures): {loss.Message}";
        // A trial's result stands already when it is scored; its sweep must not wait for ever for a score that cannot be had.
        return purpose is TaskPurpose.Score && state.Outcome is not null
            ? [new RunEvent.TestScored(new Dictionary<string, double>(), why, loss.At)]
            : [new RunEvent.RunEnded(RunOutcome.Failed, loss.Kind, why, loss.Detail, best, loss.At)];
    }
}
