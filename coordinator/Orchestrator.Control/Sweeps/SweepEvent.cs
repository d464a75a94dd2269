using System.Collections.Immutable;
using Orchestrator.Search;

namespace Orchestrator.Control.Sweeps;

/// <summary>What happened to a sweep. The names stand in journals: they and their fields are never changed, only added to.</summary>
public abstract record SweepEvent
{
    private SweepEvent()
    {
    }

    public sealed record Submitted(string Id, SweepSettings Settings, Submission Submission, DateTimeOffset At) : SweepEvent;

    /// <param name="Tick">The logical tick at which the slot was free.</param>
    /// <param name="From">Where it begins; null for the beginning.</param>
    public sealed record TrialSuggested(int Trial, ParameterAssignment Parameters, long Tick, string Reason = "", TrialOrigin? From = null) : SweepEvent;

    /// <summary>The member of a population came to an exchange, and rests until the others have.</summary>
    public sealed record TrialGathered(int Trial, int Epoch, long Tick) : SweepEvent;

    /// <summary>The member goes on from the exchange.</summary>
    /// <param name="Rank">From 1.</param>
    public sealed record TrialContinued(int Trial, int Epoch, int Rank, int Of, long Tick) : SweepEvent;

    /// <summary>The trial came to a rung: its slot is free.</summary>
    /// <param name="Rung">From 0, within its bracket.</param>
    /// <param name="Epoch">The rung's.</param>
    /// <param name="Rank">From 1, among those who have come.</param>
    public sealed record TrialRested(int Trial, int Bracket, int Rung, int Epoch, double? Value, int Rank, int Of, long Tick) : SweepEvent;

    /// <summary>The trial goes on from its rung, in a slot that was free at the tick.</summary>
    public sealed record TrialPromoted(int Trial, int Bracket, int Rung, long Tick) : SweepEvent;

    /// <summary>The trial ended after that report, whatever its run has done since.</summary>
    /// <param name="Rung">Where it rested; null where it did not.</param>
    public sealed record TrialStopped(int Trial, int Epoch, string Reason, int? Bracket, int? Rung, long Tick, DateTimeOffset At) : SweepEvent;

    /// <summary>No further trial is suggested.</summary>
    /// <param name="IsRepeatable">False where the clock decided it.</param>
    public sealed record SearchClosed(string Reason, bool IsRepeatable) : SweepEvent;

    public sealed record Extended(int Trials) : SweepEvent;

    public sealed record TrialLeased(int Trial, Lease Lease) : SweepEvent;

    public sealed record LeaseEnded(int Trial) : SweepEvent;

    public sealed record SamplerExhausted : SweepEvent;

    public sealed record TrialStarted(int Trial, int Attempt, DateTimeOffset At) : SweepEvent;

    /// <summary>A report came in; it may have to wait for its turn.</summary>
    public sealed record ReportReceived(int Trial, int Tick, ImmutableDictionary<string, double> Metrics) : SweepEvent;

    /// <summary>Logical time passed the report: later suggestions know it.</summary>
    public sealed record ReportHandled(int Trial, int Tick) : SweepEvent;

    /// <summary>A run ended of itself; logical time may not be there yet.</summary>
    public sealed record EndReceived(int Trial, TrialEnd End) : SweepEvent;

    /// <summary>Logical time passed the trial's end: its slot is free.</summary>
    public sealed record TrialEnded(int Trial, TrialStatus Status, long Tick) : SweepEvent;

    /// <summary>The run was lost beyond its budget. Enters no order: another attempt gives what this one would have.</summary>
    public sealed record TrialInterrupted(int Trial, int Attempt, string Kind, string Message) : SweepEvent;

    /// <summary>As <see cref="TrialInterrupted"/>, of a trial that was stopped, before its run had confirmed it.</summary>
    public sealed record HaltInterrupted(int Trial, int Attempt, string Kind, string Message) : SweepEvent;

    public sealed record TrialRetried(int Trial, int Attempt) : SweepEvent;

    public sealed record Paused(string Message) : SweepEvent;

    public sealed record Resumed : SweepEvent;

    public sealed record WinnerChosen(int Trial) : SweepEvent;

    public sealed record WinnerScored(int Trial, ImmutableDictionary<string, double> Metrics) : SweepEvent;

    /// <param name="Phase">Succeeded, Failed or Cancelled.</param>
    /// <param name="Kept">Trials whose checkpoints stay; the others are released.</param>
    public sealed record Ended(SweepPhase Phase, string Message, ImmutableSortedSet<int> Kept, DateTimeOffset At) : SweepEvent;

    /// <summary>A run that the sweep had told to stop has ended.</summary>
    /// <param name="End">With what of it stands.</param>
    public sealed record HaltConfirmed(int Trial, TrialEnd? End = null) : SweepEvent;

    public sealed record Settled : SweepEvent;

    public sealed record Deleted : SweepEvent;
}
