using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Orchestrator.Control.Runs;

public enum RunPhase
{
    /// <summary>There is no such run.</summary>
    Unknown,

    /// <summary>For slots.</summary>
    Waiting,

    /// <summary>Members load.</summary>
    Forming,

    Working,

    /// <summary>Nothing to do (any more, or until a trial is to be scored).</summary>
    Idle,
}

/// <summary>One entry an incident.</summary>
public sealed record Incident(FailureKind Kind, string Worker, int Generation, string Message, DateTimeOffset At);

public sealed record EpochRecord(int Epoch, long Step, IReadOnlyDictionary<string, double> Metrics);

/// <summary>A run, as the fold of its events.</summary>
public sealed record RunState
{
    public static RunState Initial { get; } = new();

    public string Id { get; init; } = "";
    public RunPlan? Plan { get; init; }

    /// <summary>RunSpec as JSON.</summary>
    public string Spec { get; init; } = "";
    public string DatasetSha256 { get; init; } = "";

    /// <summary>The checkpoint, of another run, that it began from; empty at step 0.</summary>
    public string From { get; init; } = "";

    /// <summary>Null for a run of its own.</summary>
    public TrialKey? Trial { get; init; }
    public string TraceParent { get; init; } = "";
    public string SpanId { get; init; } = "";
    public DateTimeOffset RequestedAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }

    public RunPhase Phase { get; init; }

    /// <summary>What it waits, forms or works for.</summary>
    public TaskPurpose Purpose { get; init; }

    /// <summary>Null until it has ended.</summary>
    public RunOutcome? Outcome { get; init; }
    public FailureKind? OutcomeKind { get; init; }
    public string Message { get; init; } = "";

    /// <summary>The user's stack trace, where there is one.</summary>
    public string Detail { get; init; } = "";

    /// <summary>The last number given out; the fencing token.</summary>
    public int LastGeneration { get; init; }

    /// <summary>While <see cref="Phase"/> is Forming or Working.</summary>
    public Generation? Current { get; init; }

    /// <summary>What forms beside <see cref="Current"/> while that works on: the same trainers with newcomers, or without those that leave.</summary>
    public Generation? Next { get; init; }

    /// <summary>While <see cref="Phase"/> is Waiting: trainers that keep the run's state, too few to go on. In rank order.</summary>
    public ImmutableList<Member> Survivors { get; init; } = [];

    /// <summary>All that the trainers have to say about their end, while the last checkpoint is still to come; null otherwise.</summary>
    public RunEvent.TrainingCompleted? Completed { get; init; }

    /// <summary>The first generation of those through which the state lived on in some trainer: what its members tell is of this run's one course.</summary>
    public int Lineage { get; init; }

    /// <summary>The present or last one that trained: what people see.</summary>
    public Generation? Shown { get; init; }

    /// <summary>What every member computes on the probe; empty until the first generation began.</summary>
    public string ProbeHash { get; init; } = "";

    /// <summary>Agents whose probe differs.</summary>
    public ImmutableList<string> Refused { get; init; } = [];

    /// <summary>Committed steps, as far as reports and checkpoints say.</summary>
    public long Step { get; init; }
    public int Epoch { get; init; }
    public long StepsLost { get; init; }
    public long SamplesPerEpoch { get; init; }
    public string WeightsHash { get; init; } = "";
    public string LedgerHash { get; init; } = "";

    /// <summary>In epoch order, each epoch once.</summary>
    public ImmutableList<EpochRecord> History { get; init; } = [];

    /// <summary>In the order in which they were committed.</summary>
    public ImmutableList<CheckpointRecord> Checkpoints { get; init; } = [];
    public ImmutableList<Incident> Failures { get; init; } = [];

    /// <summary>Agents whose trainers did not hear each other.</summary>
    public ImmutableList<CutOff> CutOffs { get; init; } = [];

    public bool StopRequested { get; init; }

    /// <summary>Where it pauses until it is extended; 0 for nowhere.</summary>
    public int UntilEpoch { get; init; }

    /// <summary>In its sweep's logical time, when the trial began: epoch n is due n ticks later.</summary>
    public long Beginning { get; init; }

    /// <summary>When the epoch after those that it has done is due in its sweep's logical time: the lowest is what the sweep waits for.</summary>
    [JsonIgnore]
    public long Due => Beginning + Epoch + 1;

    /// <summary>Epochs whose checkpoints stay: other runs begin there.</summary>
    public IReadOnlyList<int> Pinned { get; init; } = [];

    /// <summary>Where it ends as stopped, once it has come there; null for nowhere.</summary>
    public int? CutAfter { get; init; }

    /// <summary>The epoch that it trains to for now.</summary>
    [JsonIgnore]
    public int Target => TargetOf(UntilEpoch);

    /// <summary>It has come to where it pauses: no slots are its own, and its last checkpoint stays.</summary>
    [JsonIgnore]
    public bool IsPaused => Phase is RunPhase.Idle && Outcome is null && Plan is not null;

    /// <summary>Null until the test split was scored.</summary>
    public IReadOnlyDictionary<string, double>? TestMetrics { get; init; }

    /// <summary>When it came to wait, for the order among those that wait: of the request, not of the last generation.</summary>
    [JsonIgnore]
    public DateTimeOffset Arrival => RequestedAt;

    [JsonIgnore]
    public bool IsActive => Phase is RunPhase.Waiting or RunPhase.Forming or RunPhase.Working;

    /// <summary>What the next generation starts from.</summary>
    [JsonIgnore]
    public CheckpointRecord? Latest => Checkpoints.IsEmpty ? null : Checkpoints.MaxBy(checkpoint => checkpoint.Step);

    [JsonIgnore]
    public CheckpointRecord? Best => Plan?.Retention.Best(Checkpoints);

    [JsonIgnore]
    public int MinWorkers => Purpose is TaskPurpose.Score ? 1 : Plan?.MinWorkers ?? 1;

    [JsonIgnore]
    public int MaxWorkers => Purpose is TaskPurpose.Score ? 1 : Plan?.MaxWorkers ?? 1;

    /// <summary>The fewest slots that the next generation needs.</summary>
    [JsonIgnore]
    public int MinSlots => Math.Max(1, MinWorkers - Survivors.Count);

    /// <summary>The most slots that it can use.</summary>
    [JsonIgnore]
    public int MaxSlots => MaxWorkers - Survivors.Count;

    /// <summary>Every trainer that is in the run now, or waits for its next generation.</summary>
    [JsonIgnore]
    public ImmutableList<Member> Members => Current?.Members ?? Survivors;

    /// <summary>Those, and the newcomers that load for the next generation.</summary>
    [JsonIgnore]
    public ImmutableList<Member> Trainers => Next is { } next ? Members.AddRange(next.Members.Where(next.IsNew)) : Members;

    /// <summary>Of the last checkpoint that stands, as far as the present generation is concerned.</summary>
    [JsonIgnore]
    public long CommittedStep => Current?.CommittedStep ?? Latest?.Step ?? 0;

    /// <summary>How many newcomers a working generation can take in now.</summary>
    [JsonIgnore]
    public int Room
    {
        get
        {
            // A program's state is its own: nobody can join it.
            if (Phase is not RunPhase.Working || Purpose is not TaskPurpose.Train || Plan!.IsCommand || Next is not null || StopRequested || Current!.Members.Exists(member => member.Stage is not MemberStage.Working))
            {
                return 0;
            }

            // Those that leave hand over first: for a while there may be more than the file allows.
            return MaxWorkers - Current.Members.Count(member => !member.IsLeaving);
        }
    }

    /// <summary>Whether its members may go on with other ranges: all of them work, have the state and stay.</summary>
    [JsonIgnore]
    public bool CanBalance => Phase is RunPhase.Working && Purpose is TaskPurpose.Train && Next is null && !StopRequested && Current!.WorldSize > 1
        && Current.Members.TrueForAll(member => member is { Stage: MemberStage.Working, IsLevel: true, IsLeaving: false });

    /// <summary>Those that leave are waited for: until newcomers load for them, who may be still to be found, or until those that have come are level.</summary>
    [JsonIgnore]
    public bool HandsOver => Phase is RunPhase.Working && Purpose is TaskPurpose.Train && Current!.Members.TrueForAll(member => member.Stage is MemberStage.Working)
        && (Next is not null || Room > 0 || Current.Members.Count(member => !member.IsLeaving) >= MinWorkers);

    /// <summary>Whether a trainer has the run's state, as far as is known: should it go, somebody has to take that over, or to write it down.</summary>
    public bool HasState(TrainerName trainer) => Outcome is null && Purpose is TaskPurpose.Train && Phase is not RunPhase.Idle
        && Members.Find(member => member.Trainer == trainer) is { IsGone: false, IsLevel: true } member && !(Phase is RunPhase.Forming && Current!.IsNew(member));

    /// <summary>Newcomers without which those that leave can't go.</summary>
    [JsonIgnore]
    public int Needed => Room > 0 && Current!.Members.Exists(member => member.IsLeaving) ? Math.Clamp(MinWorkers - Current.Members.Count(member => !member.IsLeaving), 0, Room) : 0;

    /// <summary>pending running paused succeeded failed cancelled stopped</summary>
    [JsonIgnore]
    public string Name => Outcome switch
    {
        RunOutcome.Succeeded => "succeeded",
        RunOutcome.Failed => "failed",
        RunOutcome.Cancelled => "cancelled",
        RunOutcome.Stopped => "stopped",
        null => LastGeneration == 0 ? "pending" : IsPaused ? "paused" : "running",
        _ => throw new ArgumentOutOfRangeException(nameof(Outcome)),
    };

    /// <summary>Where newcomers would not be heard by those that are there, or would compute other bits.</summary>
    public IReadOnlyList<string> RefusedAt(DateTimeOffset now) =>
    [
        .. Refused,
        .. CutOffs.Where(cut => cut.Until > now && Members.Exists(member => member.Place.Agent == cut.Agent)).Select(cut => cut.Peer),
        .. CutOffs.Where(cut => cut.Until > now && Members.Exists(member => member.Place.Agent == cut.Peer)).Select(cut => cut.Agent),
    ];

    /// <summary>The member that speaks, or null where the trainer of that name is not (any more) one of this run's.</summary>
    public Member? SpeakerOf(int generation, int rank)
    {
        var trainer = new TrainerName(generation, rank);
        return Trainers.Find(member => member.Trainer == trainer);
    }

    public int TargetOf(int untilEpoch) => untilEpoch == 0 ? Plan!.Epochs : Math.Min(untilEpoch, Plan!.Epochs);

    public int CountOf(FailureKind kind) => Failures.Count(failure => failure.Kind == kind);
}
