namespace Orchestrator.Control.Runs;

/// <summary>What a command brings about: no event where it comes too late, twice, or from a generation that is over.</summary>
public static class RunDecision
{
    private static readonly IReadOnlyDictionary<string, double> NoMetrics = new Dictionary<string, double>();

    public static IReadOnlyList<RunEvent> Decide(RunState state, RunCommand command)
    {
        ArgumentNullException.ThrowIfNull(state);
        return command switch
        {
            RunCommand.Request c => state.Phase is RunPhase.Unknown
                ? [new RunEvent.RunRequested(c.Run, c.Plan, c.Spec, c.DatasetSha256, c.Trial, c.TraceParent, c.SpanId, c.At, c.UntilEpoch, c.From, c.Beginning)]
                : [],
            RunCommand.Extend c => state.Outcome is null && state.Plan is not null && state.TargetOf(c.UntilEpoch) > state.Target ? [new RunEvent.RunExtended(c.UntilEpoch, c.At, c.Pinned, c.Beginning)] : [],
            RunCommand.Propose c => Propose(state, c),
            RunCommand.Ready c => Ready(state, c),
            RunCommand.FinishEpoch c => FinishEpoch(state, c),
            RunCommand.CommitCheckpoint c => Commit(state, c),
            RunCommand.End c => RunCompletion.End(state, c),
            RunCommand.Fail c => Fail(state, c),
            RunCommand.Interrupt c => Interrupt(state, c),
            RunCommand.BeginAgain c => BeginAgain(state, c),
            RunCommand.Level c => Level(state, c),
            RunCommand.Vacate c => Vacate(state, c),
            RunCommand.Balance c => Balance(state, c),
            RunCommand.Blame c => Blame(state, c),
            RunCommand.Part c => Part(state, c),
            RunCommand.LoseLast c => RunCompletion.LoseLast(state, c),
            RunCommand.Stop c => Stop(state, c),
            RunCommand.Cut c => RunCut.Of(state, c),
            RunCommand.Score c => Score(state, c),
            RunCommand.Release c => HasEnded(state) ? [.. state.Checkpoints.Select(record => new RunEvent.CheckpointReleased(record.Id, c.At))] : [],
            RunCommand.ReleaseOne c => HasEnded(state) && state.Checkpoints.Exists(record => record.Id == c.Checkpoint)
                ? [new RunEvent.CheckpointReleased(c.Checkpoint, c.At)]
                : [],
            _ => throw new ArgumentOutOfRangeException(nameof(command), command.GetType().Name, "A command for a run."),
        };
    }

    private static bool HasEnded(RunState state) => state.Outcome is not null && state.Phase is RunPhase.Idle;

    private static IReadOnlyList<RunEvent> Propose(RunState state, RunCommand.Propose c)
    {
        if (state.Phase is RunPhase.Working)
        {
            return c.Slots.Count > 0 && c.Slots.Count <= state.Room && c.Slots.Count >= state.Needed
                ? Succession.TakeIn(state, c.Slots, c.SpanId, c.At)
                : [];
        }

        if (state.Phase is not RunPhase.Waiting || c.Slots.Count < state.MinSlots || c.Slots.Count > state.MaxSlots)
        {
            return [];
        }

        if (!state.Survivors.IsEmpty)
        {
            return Succession.Propose(state, state.Survivors, c.Slots, state.Step, c.SpanId, c.At);
        }

        var from = state.Purpose is TaskPurpose.Score ? state.Best : state.Latest;
        return
        [
            new RunEvent.GenerationProposed(state.LastGeneration + 1, state.Purpose, MemberPlace.Even(state.Plan!.Shards, c.Slots), from?.Id ?? "",
                from?.Step ?? 0, from?.Epoch ?? 0, c.SpanId, c.At),
        ];
    }

    private static IReadOnlyList<RunEvent> Ready(RunState state, RunCommand.Ready c)
    {
        if (state.Current is null || state.SpeakerOf(c.Generation, c.Rank) is not { Stage: MemberStage.Assigned } speaker)
        {
            return [];
        }

        var current = state.Next?.Number == c.Generation ? state.Next : state.Current;

        var ready = new RunEvent.MemberReady(c.Generation, c.Rank, c.PeerAddress, c.Pid, c.ProbeHash, c.Hardware, c.At);
        if (state.ProbeHash.Length > 0 && c.ProbeHash != state.ProbeHash)
        {
            return [ready, new RunEvent.MemberRefused(c.Generation, c.Rank, speaker.Place.Agent, c.ProbeHash, state.ProbeHash, c.At)];
        }

        var members = current.With(c.Rank, member => member with { Stage = MemberStage.Ready, ProbeHash = c.ProbeHash }).Members;
        if (members.Exists(member => member.Stage is not MemberStage.Ready)
            || (current == state.Next && state.Current.Members.Exists(member => member.Stage is not MemberStage.Working)))
        {
            // A generation that has lost somebody is not succeeded but replaced.
            return [ready];
        }

        // Most of them decide which bits are right; at a tie those of the lowest rank.
        var expected = state.ProbeHash.Length > 0
            ? state.ProbeHash
            : members.GroupBy(member => member.ProbeHash).OrderByDescending(group => group.Count()).ThenBy(group => group.First().Place.Rank).First().Key;
        var others = members.Where(member => member.ProbeHash != expected).ToArray();
        return others.Length > 0
            ? [ready, .. others.Select(member => new RunEvent.MemberRefused(
                c.Generation, member.Place.Rank, member.Place.Agent, member.ProbeHash, expected, c.At))]
            : [ready, new RunEvent.GenerationBegun(c.Generation, expected, c.At)];
    }

    private static IReadOnlyList<RunEvent> FinishEpoch(RunState state, RunCommand.FinishEpoch c)
    {
        // One that comes before its turn comes again after those that it overtook: an epoch that is skipped would be missed for ever. Who left at a boundary may be the only one to tell it.
        // So may those of a generation that is given up while its trainers train on, unaware of it: an agent that is silent may be so alone.
        if (!IsOfLineage(state, c.Generation) || c.Epoch != state.Epoch + 1)
        {
            return [];
        }

        var generation = state.LastGeneration;
        return RunCut.WhereDue(state, c.At, state.History.IsEmpty || c.Epoch > state.History[^1].Epoch
            ? new RunEvent.EpochFinished(generation, c.Epoch, c.Step, c.Metrics, c.Samples, c.Seconds, c.LedgerHash, c.At)
            : new RunEvent.EpochRepeated(generation, c.Epoch, c.Step, c.At));
    }

    private static IReadOnlyList<RunEvent> Commit(RunState state, RunCommand.CommitCheckpoint c)
    {
        // Whoever wrote it may be gone since: as long as its state lived on, it is this run's. Told again after it was released, it must not stand again: its files are
        // gone. Told before its epoch, a loss would leave that epoch out. Told between two generations it counts as well: nobody tells it again.
        if (!IsOfLineage(state, c.Generation) || c.Checkpoint.Step <= state.CommittedStep || c.Checkpoint.Epoch > state.Epoch)
        {
            return [];
        }

        var released = state.Plan!.Retention.Released(state.Checkpoints.Add(c.Checkpoint), state.Pinned);
        RunEvent[] events =
        [
            new RunEvent.CheckpointCommitted(state.LastGeneration, c.Checkpoint, c.At),
            .. released.Select(record => new RunEvent.CheckpointReleased(record.Id, c.At)),
        ];
        return state.Completed is { } completed && c.Checkpoint.Step >= completed.Step
            ? [.. events, .. RunCompletion.Completed(events.Aggregate(state, RunEvolution.Apply), completed, c.At)]
            : RunCut.WhereDue(state, c.At, events);
    }

    private static IReadOnlyList<RunEvent> Fail(RunState state, RunCommand.Fail c)
    {
        if (state.SpeakerOf(c.Generation, c.Rank) is not { IsGone: false } speaker)
        {
            return [];
        }

        if (state.Next is { } next && next.IsNew(speaker))
        {
            return RunFailure.OfNewcomer(state, new Loss(c.Kind, speaker, c.Message, c.Detail, c.ReachedStep, c.NextSpanId, c.At));
        }

        // Only who lost a peer can blame one: what the user's code threw is its own rank's.
        var suspect = c.Suspect != speaker.Place.Rank && c.Kind is (FailureKind.Lost or FailureKind.Hung) ? state.Current?.MemberAt(c.Suspect) : null;
        return suspect is { IsGone: false }
            ? [new RunEvent.MemberDropped(state.Current!.Number, speaker.Place.Rank, c.Suspect, c.Message, c.At)]
            : RunFailure.Of(state, new Loss(c.Kind, speaker, c.Message, c.Detail, c.ReachedStep, c.NextSpanId, c.At));
    }

    private static IReadOnlyList<RunEvent> Interrupt(RunState state, RunCommand.Interrupt c)
    {
        if (state.Phase is not RunPhase.Working || state.Current!.Number != c.InGeneration || !IsTraining(state)
            || state.SpeakerOf(c.Generation, c.Rank) is not { Stage: MemberStage.Working } speaker)
        {
            return [];
        }

        var interrupted = new RunEvent.MemberInterrupted(c.InGeneration, speaker.Place.Rank, c.Suspect, c.AppliedStep, c.Message, c.At, c.Unheard.Count > 0 ? c.Unheard : null);
        var others = state.Current.Members.FindAll(member => member != speaker && !member.IsGone);
        if (others.Exists(member => member.Stage is not MemberStage.Interrupted))
        {
            // The one that is gone, or its agent, will be heard of; or else it is blamed.
            return [interrupted];
        }

        // All live and wait: it was the connection between them.
        var blamed = state.Current.MemberAt(c.Suspect) ?? speaker;
        var after = RunEvolution.Apply(state, interrupted);
        if (Part(after, new RunCommand.Part(c.InGeneration, after.Current!.Silences, c.AppliedStep, c.At) { NextSpanId = c.NextSpanId }) is { Count: > 0 } parted)
        {
            return [interrupted, .. parted];
        }

        return [interrupted, .. RunFailure.Of(after, new Loss(FailureKind.Lost, blamed, c.Message, "", c.AppliedStep, c.NextSpanId, c.At) { Lives = true })];
    }

    private static IReadOnlyList<RunEvent> BeginAgain(RunState state, RunCommand.BeginAgain c)
    {
        if (state.Phase is not RunPhase.Working || state.Current!.Number != c.Generation)
        {
            return [];
        }

        var first = state.Current.Members.Find(member => !member.IsGone);
        return first is null
            ? []
            : RunFailure.Of(state, new Loss(c.Kind, first, c.Message, "", state.Step, c.NextSpanId, c.At) { Lives = true });
    }

    private static IReadOnlyList<RunEvent> Part(RunState state, RunCommand.Part c)
    {
        if (!IsTraining(state) || state.Current!.Number != c.Generation)
        {
            return [];
        }

        var members = state.Current.Members.FindAll(member => !member.IsGone);
        var staying = Hearing.Largest(
            [.. members.Select(member => member.Place.Rank).Except(c.Absent)], c.Silences, [.. members.Where(member => member.IsLevel).Select(member => member.Place.Rank)]);
        var outside = members.FindAll(member => !staying.Contains(member.Place.Rank));
        if (outside.IsEmpty || staying.Count == 0)
        {
            return [];
        }

        // One that had only come is not missed; it is found out of reach again and again while the cut lasts, and that is no fault of the run's.
        var kind = outside.Exists(member => member.IsLevel) ? FailureKind.Lost : FailureKind.Preempted;
        var pairs = c.Silences.Where(silence => staying.Contains(silence.Rank) != staying.Contains(silence.Peer)).ToArray();
        var message = $"the network is cut: {string.Join(", ", pairs.Select(pair => $"rank {pair.Rank} does not hear rank {pair.Peer}"))}; ranks {string.Join(", ", staying)} hear each other and go on";
        return RunFailure.Of(state, new Loss(kind, outside[0], message, "", c.ReachedStep, c.NextSpanId, c.At) { Others = outside, Silences = pairs });
    }

    private static IReadOnlyList<RunEvent> Level(RunState state, RunCommand.Level c)
    {
        if (!IsTraining(state) || state.SpeakerOf(c.Generation, c.Rank) is not { IsLevel: false } speaker || state.Current!.MemberOf(speaker.Trainer) is null)
        {
            return [];
        }

        var level = new RunEvent.MemberLevelled(state.Current.Number, speaker.Place.Rank, c.At);
        return [level, .. Succession.LetGo(RunEvolution.Apply(state, level), c.NextSpanId, c.At)];
    }

    private static IReadOnlyList<RunEvent> Vacate(RunState state, RunCommand.Vacate c)
    {
        if (!IsTraining(state) || !state.Current!.Members.Exists(member => member.Place.Agent == c.Agent && !member.IsGone && !member.IsLeaving))
        {
            return [];
        }

        var events = new List<RunEvent>();
        if (state.Next is { } next)
        {
            events.Add(new RunEvent.SuccessorDropped(next.Number, null, c.Agent, "its agent drains", c.At));
        }

        events.AddRange(state.Current.Members.Where(member => member.Place.Agent == c.Agent && !member.IsGone && !member.IsLeaving)
            .Select(member => new RunEvent.MemberLeaving(state.Current.Number, member.Place.Rank, c.Agent, c.At)));
        events.AddRange(Succession.LetGo(events.Aggregate(state, RunEvolution.Apply), c.NextSpanId, c.At));
        return events;
    }

    private static IReadOnlyList<RunEvent> Balance(RunState state, RunCommand.Balance c) =>
        state.CanBalance && state.Current!.Number == c.Generation && c.Shards.Count == state.Current.WorldSize && c.Shards.Sum() == state.Plan!.Shards && c.Shards.All(count => count > 0)
            && !state.Current.Members.Select(member => member.Place.Shards).SequenceEqual(c.Shards)
                ? Succession.Propose(state, state.Current.Members, [], state.Step, c.NextSpanId, c.At, c.Shards)
                : [];

    private static IReadOnlyList<RunEvent> Blame(RunState state, RunCommand.Blame c)
    {
        if (state.Current is not { } generation || generation.Number != c.Generation
            || generation.Members.Find(member => member.Stage is MemberStage.Dropped or MemberStage.Interrupted) is not { } witness)
        {
            return [];
        }

        var culprit = generation.MemberAt(witness.Suspect) ?? witness;
        // Whoever leaves may take its time to write down what it has.
        var kind = culprit.IsLeaving ? FailureKind.Preempted : c.Kind;
        return RunFailure.Of(state, new Loss(kind, culprit, c.Message, "", c.ReachedStep, c.NextSpanId, c.At));
    }

    private static IReadOnlyList<RunEvent> Stop(RunState state, RunCommand.Stop c)
    {
        if (state.Phase is RunPhase.Unknown || state.Outcome is not null)
        {
            return [];
        }

        if (c.Gracefully && state.Purpose is TaskPurpose.Train)
        {
            return state.Phase is RunPhase.Working
                ? state.StopRequested ? [] : [new RunEvent.StopRequested(c.At)]
                : [new RunEvent.RunEnded(RunOutcome.Stopped, null, "", "", state.Best?.Id ?? "", c.At)];
        }

        return [new RunEvent.RunEnded(RunOutcome.Cancelled, null, "", "", state.Best?.Id ?? "", c.At)];
    }

    private static IReadOnlyList<RunEvent> Score(RunState state, RunCommand.Score c)
    {
        if (!HasEnded(state) || state.TestMetrics is not null)
        {
            return [];
        }

        return !state.Plan!.IsScored ? [new RunEvent.TestScored(NoMetrics, "", c.At)]
            : state.Best is null
            ? [new RunEvent.TestScored(NoMetrics, "there is no checkpoint to score", c.At)]
            : [new RunEvent.ScoreRequested(c.At)];
    }

    private static bool IsTraining(RunState state) => state.Phase is RunPhase.Working && state.Current!.Purpose is TaskPurpose.Train;

    /// <summary>Whether this trainer has a say about epochs and checkpoints. Rank 0 alone uses it; what any of them tells is the same.</summary>
    private static bool IsOfLineage(RunState state, int generation) => state.Purpose is TaskPurpose.Train && !state.Members.IsEmpty && generation >= state.Lineage && generation <= state.LastGeneration;
}
