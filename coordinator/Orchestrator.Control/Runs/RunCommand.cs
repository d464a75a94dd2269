namespace Orchestrator.Control.Runs;

/// <summary>The trial that a run belongs to.</summary>
public sealed record TrialKey(string Sweep, int Number, int Attempt);

/// <summary>What somebody wants of a run. A trainer is named by the generation and rank that it was started for (<see cref="TrainerName"/>). Times and identifiers come in here; deciding is a function of the state and the command alone.</summary>
public abstract record RunCommand(DateTimeOffset At)
{
    /// <summary>For the span of a generation, should the command bring one about.</summary>
    public string NextSpanId { get; init; } = "";

    /// <param name="Spec">RunSpec as JSON.</param>
    /// <param name="Trial">Null for a run of its own, which is scored on the test split before it succeeds.</param>
    /// <param name="TraceParent">W3C context of what asked for the run.</param>
    /// <param name="SpanId">Of the run's own span.</param>
    /// <param name="UntilEpoch">Where it pauses, its slots free and its last checkpoint kept, until it is extended; 0 to train to its end.</param>
    /// <param name="From">Where it begins; null at step 0.</param>
    /// <param name="Beginning">In its sweep's logical time: epoch n is due n ticks later.</param>
    public sealed record Request(string Run, RunPlan Plan, string Spec, string DatasetSha256, TrialKey? Trial, string TraceParent, string SpanId,
        DateTimeOffset At, int UntilEpoch = 0, CheckpointOrigin? From = null, long Beginning = 0) : RunCommand(At);

    /// <summary>Train on to a later epoch, from the last checkpoint; ignored where it may go that far already.</summary>
    /// <param name="UntilEpoch">0 for its end.</param>
    /// <param name="Pinned">Epochs whose checkpoints stay until it is extended again: other runs begin there. Those named before no longer do.</param>
    /// <param name="Beginning">As of <see cref="Request"/>; a trial that rested has moved on.</param>
    public sealed record Extend(int UntilEpoch, DateTimeOffset At, IReadOnlyList<int>? Pinned = null, long Beginning = 0) : RunCommand(At);

    /// <summary>Places the next generation on these slots, or newcomers to one that works; does nothing where the run can't use so many.</summary>
    public sealed record Propose(IReadOnlyList<SlotId> Slots, string SpanId, DateTimeOffset At) : RunCommand(At);

    public sealed record Ready(int Generation, int Rank, string PeerAddress, int Pid, string ProbeHash, string Hardware, DateTimeOffset At)
        : RunCommand(At);

    public sealed record FinishEpoch(int Generation, int Rank, int Epoch, long Step, IReadOnlyDictionary<string, double> Metrics, long Samples,
        double Seconds, string LedgerHash, DateTimeOffset At) : RunCommand(At);

    public sealed record CommitCheckpoint(int Generation, int Rank, CheckpointRecord Checkpoint, DateTimeOffset At) : RunCommand(At);

    /// <param name="Stopped">It ended early because it was asked to, or because its agent drains.</param>
    /// <param name="Paused">It came to the epoch that it was to train to, and there would be more to train.</param>
    public sealed record End(int Generation, int Rank, long Step, int Epoch, string WeightsHash, IReadOnlyDictionary<string, double> Metrics,
        long SamplesPerEpoch, bool Stopped, DateTimeOffset At, bool Paused = false) : RunCommand(At)
    {
        /// <summary>The generation whose members all left at its last step; 0 where others may go on.</summary>
        public int LeftGeneration { get; init; }
    }

    /// <param name="Suspect">The rank that caused it, where that is another; -1 otherwise. Its own word, or <see cref="Blame"/>, then decides the kind.</param>
    /// <param name="ReachedStep">The last step that any member was heard at.</param>
    public sealed record Fail(int Generation, int Rank, FailureKind Kind, string Message, string Detail, int Suspect, long ReachedStep,
        DateTimeOffset At) : RunCommand(At);

    /// <summary>A trainer lost a peer in a generation, and waits with its state for the next.</summary>
    /// <param name="InGeneration">Where it happened; what is said of one that is over has no effect.</param>
    public sealed record Interrupt(int Generation, int Rank, int InGeneration, int Suspect, long AppliedStep, string Message, DateTimeOffset At) : RunCommand(At)
    {
        /// <summary>Ranks that it did not hear itself.</summary>
        public IReadOnlyList<int> Unheard { get; init; } = [];
    }

    /// <summary>A trainer that joined was heard at a step: it has the state.</summary>
    public sealed record Level(int Generation, int Rank, DateTimeOffset At) : RunCommand(At);

    /// <summary>The same trainers go on with other ranges, from the end of a step on; ignored where something else changes.</summary>
    /// <param name="Shards">How many each has, in rank order.</param>
    public sealed record Balance(int Generation, IReadOnlyList<int> Shards, DateTimeOffset At) : RunCommand(At);

    /// <summary>The agent drains: the run goes on without its trainers.</summary>
    public sealed record Vacate(string Agent, DateTimeOffset At) : RunCommand(At);

    /// <summary>The word to begin was lost on its way to some member, or all wait for each other: the same members begin again, with another.</summary>
    public sealed record BeginAgain(int Generation, string Message, DateTimeOffset At, FailureKind Kind = FailureKind.Preempted) : RunCommand(At);

    /// <summary>The suspect of a dropped or interrupted member had its time to speak for itself.</summary>
    public sealed record Blame(int Generation, FailureKind Kind, string Message, long ReachedStep, DateTimeOffset At) : RunCommand(At);

    /// <summary>Members do not hear each other: the largest set that does goes on, and the others end.</summary>
    /// <param name="Silences">By rank in the generation.</param>
    public sealed record Part(int Generation, IReadOnlyList<Silence> Silences, long ReachedStep, DateTimeOffset At) : RunCommand(At)
    {
        /// <summary>Ranks of whom nobody has heard anything: their machine stands still, or is gone. They can't say whom they hear.</summary>
        public IReadOnlyList<int> Absent { get; init; } = [];
    }

    /// <summary>All members have ended, and whoever had the last checkpoint is gone with it: the run goes on from the one before.</summary>
    public sealed record LoseLast(int Generation, DateTimeOffset At) : RunCommand(At);

    /// <summary>Gracefully: finish the epoch and end as stopped. Otherwise the run is cancelled at once.</summary>
    public sealed record Stop(bool Gracefully, DateTimeOffset At) : RunCommand(At);

    /// <summary>
    /// The run counts as stopped after that epoch; what it did beyond, even where it has ended, is dropped. One that has not come so far (again, after a loss) does first.
    /// </summary>
    public sealed record Cut(int Epoch, DateTimeOffset At) : RunCommand(At);

    /// <summary>Score the test split by the best checkpoint of a trial that has ended.</summary>
    public sealed record Score(DateTimeOffset At) : RunCommand(At);

    /// <summary>Let every checkpoint go; the run must have ended.</summary>
    public sealed record Release(DateTimeOffset At) : RunCommand(At);

    /// <summary>Let one checkpoint go; the run must have ended.</summary>
    public sealed record ReleaseOne(string Checkpoint, DateTimeOffset At) : RunCommand(At);
}
