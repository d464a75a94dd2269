using System.Collections.Immutable;

namespace Orchestrator.Control.Runs;

/// <summary>What an event makes of a run.</summary>
public static class RunEvolution
{
    public static RunState Apply(RunState state, RunEvent happened)
    {
        ArgumentNullException.ThrowIfNull(state);
        return happened switch
        {
            RunEvent.RunRequested e => state with
            {
                Id = e.Run,
                Plan = e.Plan,
                Spec = e.Spec,
                DatasetSha256 = e.DatasetSha256,
                Trial = e.Trial,
                TraceParent = e.TraceParent,
                SpanId = e.SpanId,
                RequestedAt = e.At,
                Phase = RunPhase.Waiting,
                UntilEpoch = e.UntilEpoch,
                Beginning = e.Beginning,
                From = e.From?.Source ?? "",
                Step = e.From?.Copy.Step ?? 0,
                Epoch = e.From?.Copy.Epoch ?? 0,
                Checkpoints = e.From is { } from ? [from.Copy] : [],
            },
            RunEvent.RunExtended e => state with
            {
                UntilEpoch = e.UntilEpoch,
                Pinned = e.Pinned ?? [],
                Beginning = e.Beginning,
                // A command may have gone further already.
                Phase = state.IsPaused && state.Epoch < state.TargetOf(e.UntilEpoch) ? RunPhase.Waiting : state.Phase,
            },
            RunEvent.CutRequested e => state with { CutAfter = e.Epoch, UntilEpoch = e.Epoch, Phase = state.IsPaused ? RunPhase.Waiting : state.Phase },
            RunEvent.RunCut e => Cut(state, e.Epoch),
            RunEvent.GenerationProposed e => Proposed(state, e),
            RunEvent.MemberReady e => ChangedIn(state, e.Generation, e.Rank, member => member with
            {
                Stage = MemberStage.Ready,
                PeerAddress = e.PeerAddress,
                Pid = e.Pid,
                ProbeHash = e.ProbeHash,
            }),
            RunEvent.MemberRefused e => (e.Generation == state.Next?.Number ? state with { Next = null } : Over(state, CarriedOn(state))) with
            {
                Refused = state.Refused.Contains(e.Agent) ? state.Refused : state.Refused.Add(e.Agent),
                Message = $"{e.Agent} computes other bits than this run's other members (probe {e.ProbeHash} instead of {e.Expected})",
            },
            RunEvent.GenerationBegun e => Begun(state, e),
            RunEvent.EpochFinished e => state with
            {
                Epoch = e.Epoch,
                Step = e.Step,
                SamplesPerEpoch = e.Samples,
                LedgerHash = e.LedgerHash,
                History = state.History.Add(new EpochRecord(e.Epoch, e.Step, e.Metrics)),
            },
            RunEvent.EpochRepeated e => state with { Epoch = e.Epoch, Step = e.Step },
            RunEvent.CheckpointCommitted e => Committed(state, e.Checkpoint),
            RunEvent.CheckpointReleased e => Without(state, e.Checkpoint),
            RunEvent.CheckpointRejected e => Without(state, e.Checkpoint),
            RunEvent.MemberEnded e => Changed(state, e.Rank, member => member with { Stage = MemberStage.Ended }),
            RunEvent.TrainingCompleted e => state with { Completed = e },
            RunEvent.MemberDropped e => Changed(state, e.Rank, member => member with { Stage = MemberStage.Dropped, Suspect = e.Suspect }),
            RunEvent.MemberInterrupted e => Changed(state, e.Rank, member => member with { Stage = MemberStage.Interrupted, Suspect = e.Suspect, Unheard = e.Unheard ?? [] }),
            RunEvent.MemberLevelled e => Changed(state, e.Rank, member => member with { IsLevel = true }),
            RunEvent.MemberLeaving e => Changed(state, e.Rank, member => member with { IsLeaving = true }) with
            {
                Failures = state.Failures.Add(new Incident(FailureKind.Preempted, e.Agent, e.Generation, "its agent drains", e.At)),
            },
            RunEvent.SuccessorDropped e => state with
            {
                Next = null,
                Failures = e.Kind is { } kind ? state.Failures.Add(new Incident(kind, e.Agent, e.Generation, e.Message, e.At)) : state.Failures,
            },
            RunEvent.GenerationFailed e => Failed(state, e),
            RunEvent.SurvivorLost e => state with
            {
                Survivors = state.Survivors.RemoveAll(member => member.Trainer == e.Trainer),
                Failures = With(state.Failures, new Incident(e.Kind, e.Agent, state.LastGeneration, e.Message, e.At), state.Survivors.Find(member => member.Trainer == e.Trainer)),
                StepsLost = state.StepsLost + e.StepsLost,
                Step = e.ResumeStep,
                Epoch = e.ResumeEpoch,
            },
            RunEvent.TrainingEnded e => Over(state) with
            {
                // Extended while it came to where it was to pause, it waits for slots again.
                Phase = e.Paused && e.Epoch < state.Target ? RunPhase.Waiting : RunPhase.Idle,
                Step = e.Step,
                Epoch = e.Epoch,
                WeightsHash = e.WeightsHash,
                SamplesPerEpoch = e.SamplesPerEpoch > 0 ? e.SamplesPerEpoch : state.SamplesPerEpoch,
                Message = "",
            },
            RunEvent.StopRequested => state with { StopRequested = true },
            RunEvent.ScoreRequested => state with { Purpose = TaskPurpose.Score, Phase = RunPhase.Waiting },
            RunEvent.TestScored e => Over(state) with { Phase = RunPhase.Idle, TestMetrics = e.Metrics, Message = e.Message },
            RunEvent.RunEnded e => Over(state) with
            {
                Phase = RunPhase.Idle,
                Outcome = e.Outcome,
                OutcomeKind = e.Kind,
                Message = e.Message,
                Detail = e.Detail,
                EndedAt = e.At,
            },
            _ => throw new ArgumentOutOfRangeException(nameof(happened), happened.GetType().Name, "An event of a run."),
        };
    }

    public static RunState Replay(IEnumerable<RunEvent> events) => events.Aggregate(RunState.Initial, Apply);

    private static RunState Proposed(RunState state, RunEvent.GenerationProposed e)
    {
        var members = e.Members.Select((place, index) => Placed(state, place, e.Trainers?[index] ?? new TrainerName(e.Generation, place.Rank)));
        var generation = new Generation(e.Generation, e.Purpose, [.. members], e.Checkpoint, e.FromStep, e.SpanId, e.At) { UntilEpoch = state.UntilEpoch };
        if (generation.IsCarriedOn)
        {
            generation = generation with
            {
                CommittedStep = state.Latest?.Step ?? 0,
                Members = [.. generation.Members.Select(member => generation.IsNew(member) ? member with { IsLevel = false } : member)],
            };
        }

        if (state.Phase is RunPhase.Working)
        {
            return state with { LastGeneration = e.Generation, Next = generation with { AtBoundary = true } };
        }

        var next = state with
        {
            Phase = RunPhase.Forming,
            LastGeneration = e.Generation,
            Current = generation,
            Survivors = [],
            Lineage = generation.IsCarriedOn ? state.Lineage : e.Generation,
        };
        return e.Purpose is TaskPurpose.Score ? next : next with { Shown = generation, Step = e.FromStep, Epoch = e.FromEpoch };
    }

    /// <summary>Who goes on from an older generation is ready as it is.</summary>
    private static Member Placed(RunState state, MemberPlace place, TrainerName trainer) => state.Members.Find(member => member.Trainer == trainer) is { } known
        ? known with { Place = place, Stage = MemberStage.Ready, Suspect = -1, Unheard = [] }
        : new Member(place) { Trainer = trainer };

    private static RunState Begun(RunState state, RunEvent.GenerationBegun e)
    {
        var began = state.Current!;
        if (state.Next is { } next && next.Number == e.Generation)
        {
            // What the one before has learned and stored while this one formed.
            began = next with
            {
                CommittedStep = began.CommittedStep,
                Members = [.. next.Members.Select(member => began.MemberOf(member.Trainer) is { } known ? member with { IsLevel = known.IsLevel, IsLeaving = known.IsLeaving } : member)],
            };
            state = state with { Next = null };
        }

        var generation = began with
        {
            BegunAt = e.At,
            Members = [.. began.Members.Select(member => member with { Stage = MemberStage.Working })],
        };
        return Show(state with { Phase = RunPhase.Working, ProbeHash = e.ProbeHash, Message = "" }, generation);
    }

    private static RunState ChangedIn(RunState state, int generation, int rank, Func<Member, Member> change) => state.Next is { } next && next.Number == generation
        ? state with { Next = next.With(rank, change) }
        : Changed(state, rank, change);

    private static RunState Changed(RunState state, int rank, Func<Member, Member> change) => Show(state, state.Current!.With(rank, change));

    private static RunState Show(RunState state, Generation generation) => state with
    {
        Current = generation,
        Shown = generation.Purpose is TaskPurpose.Train ? generation : state.Shown,
    };

    private static RunState Committed(RunState state, CheckpointRecord checkpoint) => (state.Current is { } generation ? Show(state, generation with { CommittedStep = checkpoint.Step }) : state) with
    {
        Checkpoints = state.Checkpoints.Add(checkpoint),
        Step = Math.Max(state.Step, checkpoint.Step),
    };

    private static RunState Over(RunState state, ImmutableList<Member>? survivors = null) =>
        state with { Phase = RunPhase.Waiting, Current = null, Next = null, Completed = null, Survivors = survivors ?? [] };

    private static ImmutableList<Member> CarriedOn(RunState state) => state.Current is { } generation
        ? generation.Members.FindAll(member => !generation.IsNew(member) && !member.IsGone)
        : state.Survivors;

    private static RunState Cut(RunState state, int epoch)
    {
        var history = state.History.RemoveAll(record => record.Epoch > epoch);
        var retention = state.Plan?.Retention;
        // What a run that might have gone on has written, besides the best, depends on how far it had come when it heard of the cut.
        var isAccident = retention is { KeepPast: true } && (state.Plan!.IsCommand || retention.BestEpoch(history) is null);
        var best = isAccident ? null : retention?.Best(state.Checkpoints.Where(record => record.Epoch <= epoch));
        return state with
        {
            History = history,
            Epoch = Math.Min(state.Epoch, epoch),
            Step = history.IsEmpty ? 0 : Math.Min(state.Step, history[^1].Step),
            WeightsHash = best?.ModelSha256 ?? "",
        };
    }

    private static RunState Without(RunState state, string checkpoint) => state with
    {
        Checkpoints = state.Checkpoints.RemoveAll(record => record.Id == checkpoint),
    };

    private static RunState Failed(RunState state, RunEvent.GenerationFailed e)
    {
        var scoring = state.Current?.Purpose is TaskPurpose.Score;
        var survivors = state.Members.FindAll(member => e.Survivors?.Contains(member.Trainer) == true);
        return Over(state, survivors) with
        {
            Failures = With(state.Failures, new Incident(e.Kind, e.Agent, e.Generation, e.Message, e.At), state.Current?.MemberAt(e.Rank)),
            CutOffs = e.Silences is { Count: > 0 } silences ? [.. Hearing.After(state.CutOffs, AgentsOf(state.Current!, silences), e.At)] : state.CutOffs,
            StepsLost = state.StepsLost + e.StepsLost,
            Step = scoring ? state.Step : e.ResumeStep,
            Epoch = scoring ? state.Epoch : e.ResumeEpoch,
        };
    }

    /// <summary>Who leaves because its agent drains has been noted when it was told of that.</summary>
    private static ImmutableList<Incident> With(ImmutableList<Incident> failures, Incident incident, Member? culprit) =>
        incident.Kind is FailureKind.Preempted && culprit is { IsLeaving: true } ? failures : failures.Add(incident);

    private static (string, string)[] AgentsOf(Generation generation, IReadOnlyList<Silence> silences) =>
        [.. silences.Select(silence => (generation.MemberAt(silence.Rank)?.Place.Agent ?? "", generation.MemberAt(silence.Peer)?.Place.Agent ?? "")).Where(pair => pair.Item1 != pair.Item2)];
}
