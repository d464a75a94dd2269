namespace Orchestrator.Coordinator.Broker;

// What the sweep controller and the run coordinator say to each other; there is no other way between them.
// Each is sent again until its effect stands in the receiver's stream, so every handler is idempotent; the key is (sweep, trial, attempt, tick).

// Who needs the answer asks again: while a trial has been silent for a while, and after a restart, the sweep controller sends RunTrial again with the ticks that it
// knows, and the run coordinator answers with everything that it has beyond them. So a broker may lose any message and nothing is lost.

/// <summary>To the run coordinator: train this trial.</summary>
/// <param name="Spec">The resolved run file (<c>RunSpec</c> as JSON).</param>
/// <param name="DatasetSha256">The pinned manifest.</param>
/// <param name="KnownTicks">Reports that stand in the sweep's stream already.</param>
/// <param name="UntilEpoch">Where it pauses until the message comes with a later epoch; 0 to train to its end.</param>
/// <param name="IsSpeculative">The sweep may find that it ended at an epoch that it has passed: what was the best checkpoint then is kept.</param>
/// <param name="From">Where it begins; null for the beginning.</param>
/// <param name="IsCopied">Other trials may begin where it pauses: the epoch is told once its checkpoint is there.</param>
/// <param name="Pinned">Epochs of this run whose checkpoints others begin from, and may still need.</param>
/// <param name="Beginning">In the sweep's logical time: what it does in epoch n is due n ticks later. Idle workers go to the run that is furthest behind.</param>
public sealed record RunTrial(string Sweep, int Trial, int Attempt, string Run, string Spec, string DatasetSha256, int KnownTicks, int UntilEpoch = 0,
    bool IsSpeculative = false, TrialSource? From = null, bool IsCopied = false, IReadOnlyList<int>? Pinned = null, long Beginning = 0);

/// <summary>The checkpoint of another trial's run at an epoch's end.</summary>
public sealed record TrialSource(string Run, int Epoch);

/// <summary>To the run coordinator: end this trial's run early (its metrics stand), or at once.</summary>
/// <param name="AfterEpoch">Its metrics and checkpoints to this epoch stand, whatever it has done since; null where nothing of it is wanted.</param>
public sealed record StopTrial(string Sweep, int Trial, int Attempt, string Run, bool Gracefully, int? AfterEpoch = null);

/// <summary>To the sweep controller.</summary>
public sealed record TrialStarted(string Sweep, int Trial, int Attempt, string Run);

/// <summary>To the sweep controller: one tick, an epoch's metrics.</summary>
/// <param name="Tick">From 1.</param>
public sealed record TrialReported(string Sweep, int Trial, int Attempt, string Run, int Tick, IReadOnlyDictionary<string, double> Metrics);

/// <summary>To the sweep controller: the run has ended.</summary>
/// <param name="State">succeeded stopped failed cancelled</param>
/// <param name="Kind">The failure's kind, where it failed.</param>
/// <param name="Ticks">How many reports came before.</param>
/// <param name="BestCheckpoint">Its identifier; empty where there is none.</param>
public sealed record TrialFinished(string Sweep, int Trial, int Attempt, string Run, string State, string Kind, string Message, int Ticks,
    string BestCheckpoint, string WeightsHash);

/// <summary>To the run coordinator: score the test split by this trial's best checkpoint.</summary>
public sealed record ScoreTrial(string Sweep, int Trial, int Attempt, string Run);

/// <summary>To the sweep controller.</summary>
public sealed record TrialScored(string Sweep, int Trial, int Attempt, string Run, IReadOnlyDictionary<string, double> Metrics);

/// <summary>To the run coordinator: the sweep has ended and this trial is not among those kept; its checkpoints go.</summary>
public sealed record ReleaseTrial(string Sweep, int Trial, int Attempt, string Run);
