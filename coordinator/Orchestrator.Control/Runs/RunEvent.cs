namespace Orchestrator.Control.Runs;

public enum RunOutcome
{
    Succeeded,
    Failed,
    Cancelled,

    /// <summary>Ended early by its sweep; its metrics stand.</summary>
    Stopped,
}

/// <summary>What happened to a run. The names and fields stand in journals: they are never changed, only added to.</summary>
public abstract record RunEvent(DateTimeOffset At)
{
    public sealed record RunRequested(string Run, RunPlan Plan, string Spec, string DatasetSha256, TrialKey? Trial, string TraceParent,
        string SpanId, DateTimeOffset At, int UntilEpoch = 0, CheckpointOrigin? From = null, long Beginning = 0) : RunEvent(At);

    /// <summary>It may train on to that epoch; 0 for its end.</summary>
    public sealed record RunExtended(int UntilEpoch, DateTimeOffset At, IReadOnlyList<int>? Pinned = null, long Beginning = 0) : RunEvent(At);

    /// <summary>To be cut at that epoch once it has come there.</summary>
    public sealed record CutRequested(int Epoch, DateTimeOffset At) : RunEvent(At);

    /// <summary>What it did beyond the epoch does not count.</summary>
    public sealed record RunCut(int Epoch, DateTimeOffset At) : RunEvent(At);

    /// <summary>Where another generation works, this one forms beside it and takes over at the end of a step.</summary>
    /// <param name="Trainers">Of each member: those with an older generation go on with what they have. Null: all are started for it.</param>
    public sealed record GenerationProposed(int Generation, TaskPurpose Purpose, IReadOnlyList<MemberPlace> Members, string Checkpoint,
        long FromStep, int FromEpoch, string SpanId, DateTimeOffset At, IReadOnlyList<TrainerName>? Trainers = null) : RunEvent(At);

    public sealed record MemberReady(int Generation, int Rank, string PeerAddress, int Pid, string ProbeHash, string Hardware, DateTimeOffset At)
        : RunEvent(At);

    /// <summary>Its machine computes other bits than the others: the generation is dissolved, and the run does not go there again.</summary>
    public sealed record MemberRefused(int Generation, int Rank, string Agent, string ProbeHash, string Expected, DateTimeOffset At) : RunEvent(At);

    /// <param name="ProbeHash">What every later member must have.</param>
    public sealed record GenerationBegun(int Generation, string ProbeHash, DateTimeOffset At) : RunEvent(At);

    /// <summary>For the first time; an epoch that is computed again is <see cref="EpochRepeated"/>.</summary>
    public sealed record EpochFinished(int Generation, int Epoch, long Step, IReadOnlyDictionary<string, double> Metrics, long Samples,
        double Seconds, string LedgerHash, DateTimeOffset At) : RunEvent(At);

    /// <summary>Computed again after a loss; its metrics stand already.</summary>
    public sealed record EpochRepeated(int Generation, int Epoch, long Step, DateTimeOffset At) : RunEvent(At);

    public sealed record CheckpointCommitted(int Generation, CheckpointRecord Checkpoint, DateTimeOffset At) : RunEvent(At);

    public sealed record CheckpointReleased(string Checkpoint, DateTimeOffset At) : RunEvent(At);

    /// <summary>Its bytes do not match their hashes: it goes, and the one before counts.</summary>
    public sealed record CheckpointRejected(string Checkpoint, DateTimeOffset At) : RunEvent(At);

    public sealed record MemberEnded(int Generation, int Rank, DateTimeOffset At) : RunEvent(At);

    /// <summary>The trainers came to the end in the generation before, and the last checkpoint is still on its way from one that is not in this one. The rest as of <see cref="TrainingEnded"/>.</summary>
    public sealed record TrainingCompleted(int Generation, long Step, int Epoch, string WeightsHash, long SamplesPerEpoch, DateTimeOffset At, bool Paused = false, bool Stopped = false)
        : RunEvent(At);

    public sealed record MemberDropped(int Generation, int Rank, int Suspect, string Message, DateTimeOffset At) : RunEvent(At);

    /// <param name="Rank">In the generation.</param>
    /// <param name="Unheard">Ranks that it did not hear itself.</param>
    public sealed record MemberInterrupted(int Generation, int Rank, int Suspect, long AppliedStep, string Message, DateTimeOffset At, IReadOnlyList<int>? Unheard = null) : RunEvent(At);

    /// <param name="StepsLost">Committed steps that will be computed again.</param>
    /// <param name="ResumeStep">Where the next generation starts.</param>
    /// <param name="Survivors">Trainers that keep the run's state and wait for the next generation.</param>
    /// <param name="Silences">Ranks that did not hear each other.</param>
    public sealed record GenerationFailed(int Generation, FailureKind Kind, int Rank, string Agent, string Message, string Detail, long StepsLost,
        long ResumeStep, int ResumeEpoch, DateTimeOffset At, IReadOnlyList<TrainerName>? Survivors = null, IReadOnlyList<Silence>? Silences = null) : RunEvent(At);

    /// <summary>What formed beside the working generation came to nothing; that one goes on.</summary>
    /// <param name="Kind">Null where nothing went wrong.</param>
    public sealed record SuccessorDropped(int Generation, FailureKind? Kind, string Agent, string Message, DateTimeOffset At) : RunEvent(At);

    /// <param name="Rank">In the generation.</param>
    public sealed record MemberLevelled(int Generation, int Rank, DateTimeOffset At) : RunEvent(At);

    /// <summary>Its agent drains. Free of charge, and an incident all the same.</summary>
    public sealed record MemberLeaving(int Generation, int Rank, string Agent, DateTimeOffset At) : RunEvent(At);

    /// <summary>A trainer that waited for the next generation is gone. StepsLost, ResumeStep and ResumeEpoch as of a generation.</summary>
    public sealed record SurvivorLost(TrainerName Trainer, FailureKind Kind, string Agent, string Message, long StepsLost, long ResumeStep, int ResumeEpoch,
        DateTimeOffset At) : RunEvent(At);

    /// <param name="Paused">It came to where it pauses; it has not ended.</param>
    public sealed record TrainingEnded(int Generation, long Step, int Epoch, string WeightsHash, long SamplesPerEpoch, DateTimeOffset At, bool Paused = false)
        : RunEvent(At);

    /// <summary>To end early at the next epoch.</summary>
    public sealed record StopRequested(DateTimeOffset At) : RunEvent(At);

    public sealed record ScoreRequested(DateTimeOffset At) : RunEvent(At);

    /// <param name="Message">Why there are no metrics; empty otherwise.</param>
    public sealed record TestScored(IReadOnlyDictionary<string, double> Metrics, string Message, DateTimeOffset At) : RunEvent(At);

    public sealed record RunEnded(RunOutcome Outcome, FailureKind? Kind, string Message, string Detail, string BestCheckpoint, DateTimeOffset At)
        : RunEvent(At);
}
