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

    /// <summary>It came to a rung: no slot is its own until it is promoted, or stopped.</summary>
    Resting,
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

    /// <summary>The logical tick at which it was suggested, less the epochs that it took over.</summary>
    public required long Start { get; init; }

    /// <summary>Whose checkpoint it began from; null where it began at the beginning.</summary>
    public TrialOrigin? From { get; init; }

    public TrialStatus Status { get; init; }

    /// <summary>From 1; one more for every retry after a loss.</summary>
    public int Attempt { get; init; } = 1;

    /// <summary>Why the sampler chose it.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Logical ticks for which it rested at rungs.</summary>
    public long Rested { get; init; }

    /// <summary>The last rung that it came to; null before the first.</summary>
    public RungMark? Rung { get; init; }

    /// <summary>Who works on an external trial; null where nobody does.</summary>
    public Lease? Lease { get; init; }

    /// <summary>The first objective in the reports handled so far, with those that it took over; null where a report had none.</summary>
    public ImmutableArray<double?> Values { get; init; } = [];

    /// <summary>Reports that came in but are not due yet, by tick.</summary>
    public ImmutableSortedDictionary<int, ImmutableDictionary<string, double>> Inbox { get; init; } =
        ImmutableSortedDictionary<int, ImmutableDictionary<string, double>>.Empty;

    /// <summary>How its run ended; known before it is due in logical time.</summary>
    public TrialEnd? End { get; init; }

    /// <summary>The handled report that counts for the objective.</summary>
    public StandingReport? Standing { get; init; }

    /// <summary>The last handled report, where trials are members of a population: what one that begins from here takes over.</summary>
    public StandingReport? Latest { get; init; }

    /// <summary>Of the test split, where it was scored.</summary>
    public ImmutableDictionary<string, double>? TestMetrics { get; init; }

    /// <summary>The sweep is through with it, but the end of its run has not been heard of.</summary>
    public bool Halting { get; init; }

    /// <summary>Halting: its run was lost beyond its budget before it confirmed; a retry starts another attempt.</summary>
    public bool IsLost { get; init; }

    /// <summary>Halting: what its run did to this report stands; null where nothing of it is wanted.</summary>
    [JsonIgnore]
    public int? HaltAfter => Status != TrialStatus.Stopped ? null : Values.Length > (From?.Epoch ?? 0) ? Values.Length : 0;

    /// <summary>Why it failed, was stopped or is paused; empty otherwise.</summary>
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
    public LogicalTime Due => new(Beginning + Values.Length + 1, Number);

    /// <summary>Report n is due n ticks later; moves on while the trial rests.</summary>
    [JsonIgnore]
    public long Beginning => Start + Rested;

    /// <summary>Reports without a gap, handled or not: the run coordinator sends those beyond.</summary>
    [JsonIgnore]
    public int KnownTicks
    {
        get
        {
            var known = Values.Length;
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
        var (standing, values) = (Standing, Values);
        for (var tick = Values.Length + 1; Inbox.TryGetValue(tick, out var metrics); tick++)
        {
            values = values.Add(objective.In(metrics));
            standing = StandingReport.After(objective, values, metrics, standing);
        }

        return standing;
    }

    /// <summary>Whether somebody still owes something of it: its end, or a report that the end overtook.</summary>
    /// <param name="until">The report after which it rests; 0 where it goes on to its end.</param>
    public bool IsAwaited(int until) =>
        Status is TrialStatus.Pending or TrialStatus.Running && (End is { } end ? end.Ticks > KnownTicks : until == 0 || KnownTicks < until);

    /// <summary>The run of this attempt: its identifier is given by the trial's, so that asking twice starts one run.</summary>
    public string Run(string sweep) => RunOf(sweep, Number, Attempt);

    public static string RunOf(string sweep, int trial, int attempt) => attempt == 1 ? $"{sweep}-{trial}" : $"{sweep}-{trial}r{attempt}";
}

/// <summary>Where a trial begins: after that epoch of another one's run.</summary>
/// <param name="Attempt">Of the other one's, by which its run is found.</param>
public sealed record TrialOrigin(int Trial, int Attempt, int Epoch);

/// <param name="Epoch">The tick that it reports, from 1.</param>
public sealed record StandingReport(int Epoch, double? Value, ImmutableDictionary<string, double> Metrics)
{
    /// <summary>The report that counts once the last of these values is known. Of equal ones the earlier stands.</summary>
    /// <param name="values">The objective in every report so far.</param>
    /// <param name="metrics">Of the last one.</param>
    /// <param name="standing">The one that counted before.</param>
    public static StandingReport After(Objective objective, ImmutableArray<double?> values, ImmutableDictionary<string, double> metrics, StandingReport? standing)
    {
        if (objective.At != ReportChoice.Best)
        {
            return new StandingReport(values.Length, objective.Score.After(values, values.Length), metrics);
        }

        var value = values[^1];
        return standing?.Value is not { } best || (value is { } newer && objective.IsBetter(newer, best))
            ? new StandingReport(values.Length, value, metrics)
            : standing;
    }
}

/// <summary>A rung that a trial came to.</summary>
/// <param name="Epoch">The rung's.</param>
/// <param name="Rank">From 1, when it came or was last judged.</param>
/// <param name="Of">How many had come by then.</param>
public sealed record RungMark(int Epoch, int Rank, int Of);

/// <summary>Somebody outside works on the trial.</summary>
/// <param name="Ticket">Of the question that it was the answer to.</param>
public sealed record Lease(string Ticket, string Worker, DateTimeOffset Until);

/// <summary>How a run ended, by its own account.</summary>
/// <param name="Status">Succeeded, Stopped, Failed or Cancelled.</param>
/// <param name="Kind">The failure's kind where it failed.</param>
/// <param name="Ticks">How many reports came before.</param>
/// <param name="Checkpoint">The best one's identifier; empty where there is none.</param>
public sealed record TrialEnd(
    TrialStatus Status, string Kind, string Message, int Ticks, string Checkpoint, string WeightsHash, DateTimeOffset At);
