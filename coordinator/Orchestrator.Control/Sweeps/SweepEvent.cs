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
    public sealed record TrialSuggested(int Trial, ParameterAssignment Parameters, long Tick) : SweepEvent;

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

    public sealed record TrialRetried(int Trial, int Attempt) : SweepEvent;

    public sealed record Paused(string Message) : SweepEvent;

    public sealed record Resumed : SweepEvent;

    public sealed record WinnerChosen(int Trial) : SweepEvent;

    public sealed record WinnerScored(int Trial, ImmutableDictionary<string, double> Metrics) : SweepEvent;

    /// <param name="Phase">Succeeded, Failed or Cancelled.</param>
    /// <param name="Kept">Trials whose checkpoints stay; the others are released.</param>
    public sealed record Ended(SweepPhase Phase, string Message, ImmutableSortedSet<int> Kept, DateTimeOffset At) : SweepEvent;

    /// <summary>A run that the sweep had told to stop has ended.</summary>
    public sealed record HaltConfirmed(int Trial) : SweepEvent;

    public sealed record Settled : SweepEvent;

    public sealed record Deleted : SweepEvent;
}
