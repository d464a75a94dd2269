using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Orchestrator.Search;

namespace Orchestrator.Control.Sweeps;

public enum TrialStatus
{
    /// <summary>Suggested; no run is known to have started.</summary>
    Pending,
    Running,

    /// <summary>Its run was lost beyond its budget; a retry starts another attempt.</summary>
    Paused,
    Succeeded,

    /// <summary>Ended early, with a value.</summary>
    Stopped,
    Failed,
    Cancelled,
}

/// <summary>One point of the search space and what became of it.</summary>
public sealed record Trial
{
    /// <summary>From 0, in the order of suggestion.</summary>
    public required int Number { get; init; }

    public required ParameterAssignment Parameters { get; init; }

    /// <summary>The logical tick at which it was suggested.</summary>
    public required long Start { get; init; }

    public TrialStatus Status { get; init; }

    /// <summary>From 1; one more for every retry after a loss.</summary>
    public int Attempt { get; init; } = 1;

    /// <summary>The objective in the reports handled so far; null where a report had none.</summary>
    public ImmutableList<double?> Values { get; init; } = [];

    /// <summary>Reports that came in but are not due yet, by tick.</summary>
    public ImmutableSortedDictionary<int, ImmutableDictionary<string, double>> Inbox { get; init; } =
        ImmutableSortedDictionary<int, ImmutableDictionary<string, double>>.Empty;

    /// <summary>How its run ended; known before it is due in logical time.</summary>
    public TrialEnd? End { get; init; }

    /// <summary>The handled report that counts for the objective.</summary>
    public StandingReport? Standing { get; init; }

    /// <summary>Of the test split, where it was scored.</summary>
    public ImmutableDictionary<string, double>? TestMetrics { get; init; }

    /// <summary>The sweep is through with it, but the end of its run has not been heard of.</summary>
    public bool Halting { get; init; }

    /// <summary>Why it failed or is paused; empty otherwise.</summary>
    public string Message { get; init; } = "";

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    [JsonIgnore]
    public bool HasEnded => Status >= TrialStatus.Succeeded;

    /// <summary>Its value for the search; null until it has ended with one. A failed trial has none.</summary>
    [JsonIgnore]
    public double? Value => Status is TrialStatus.Succeeded or TrialStatus.Stopped ? Standing?.Value : null;

    /// <summary>When its next report or its end is due.</summary>
    [JsonIgnore]
    public LogicalTime Due => new(Start + Values.Count + 1, Number);

    /// <summary>Reports without a gap, handled or not: the run coordinator sends those beyond.</summary>
    [JsonIgnore]
    public int KnownTicks
    {
        get
        {
            var known = Values.Count;
            while (Inbox.ContainsKey(known + 1))
            {
                known++;
            }

            return known;
        }
    }

    /// <summary>The report that will stand once logical time has reached those that came in: what people see of a run that is ahead.</summary>
    public StandingReport? StandingOfKnown(Objective objective)
    {
        var standing = Standing;
        for (var tick = Values.Count + 1; Inbox.TryGetValue(tick, out var metrics); tick++)
        {
            standing = StandingReport.Of(objective, tick, metrics).Over(standing, objective);
        }

        return standing;
    }

    /// <summary>Whether the run coordinator still owes something of it: its end, or a report that the end overtook.</summary>
    [JsonIgnore]
    public bool IsAwaited => !HasEnded && Status != TrialStatus.Paused && (End is null || End.Ticks > KnownTicks);

    /// <summary>The run of this attempt: its identifier is given by the trial's, so that asking twice starts one run.</summary>
    public string Run(string sweep) => RunOf(sweep, Number, Attempt);

    public static string RunOf(string sweep, int trial, int attempt) => attempt == 1 ? $"{sweep}-{trial}" : $"{sweep}-{trial}r{attempt}";
}

/// <param name="Epoch">The tick that it reports, from 1.</param>
public sealed record StandingReport(int Epoch, double? Value, ImmutableDictionary<string, double> Metrics)
{
    public static StandingReport Of(Objective objective, int epoch, ImmutableDictionary<string, double> metrics) =>
        new(epoch, objective.In(metrics), metrics);

    /// <summary>The one of the two that stands, this being the later. Of equal values the earlier stands.</summary>
    public StandingReport Over(StandingReport? standing, Objective objective) =>
        objective.At == ObjectiveAt.Last
        || standing?.Value is not { } value
        || (Value is { } newer && objective.IsBetter(newer, value))
            ? this
            : standing;
}

/// <summary>How a run ended, by its own account.</summary>
/// <param name="Status">Succeeded, Stopped, Failed or Cancelled.</param>
/// <param name="Kind">The failure's kind where it failed.</param>
/// <param name="Ticks">How many reports came before.</param>
/// <param name="Checkpoint">The best one's identifier; empty where there is none.</param>
public sealed record TrialEnd(
    TrialStatus Status, string Kind, string Message, int Ticks, string Checkpoint, string WeightsHash, DateTimeOffset At);
