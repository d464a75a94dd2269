using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Orchestrator.Search;

namespace Orchestrator.Control.Sweeps;

public enum SweepPhase
{
    /// <summary>There is no such sweep.</summary>
    None,
    Searching,

    /// <summary>Every trial has ended; the best one is being scored on the test split.</summary>
    Scoring,
    Succeeded,
    Failed,
    Cancelled,

    /// <summary>Its stream is about to go.</summary>
    Deleted,
}

/// <summary>A sweep as its events tell it. Immutable; its JSON is its snapshot.</summary>
public sealed record SweepState
{
    public static SweepState Initial { get; } = new();

    public string Id { get; init; } = "";

    public SweepPhase Phase { get; init; }

    /// <summary>Null in the initial state only.</summary>
    public SweepSettings? Settings { get; init; }

    /// <summary>Null in the initial state only.</summary>
    public Submission? Submission { get; init; }

    public DateTimeOffset SubmittedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Logical time stands still: reports come in and wait.</summary>
    public bool IsPaused { get; init; }

    /// <summary>Why it is paused or failed, with the mend.</summary>
    public string Message { get; init; } = "";

    /// <summary>By number.</summary>
    public ImmutableList<Trial> Trials { get; init; } = [];

    /// <summary>What each trial that has not ended is due next: the occupied slots.</summary>
    public ImmutableSortedSet<LogicalTime> Due { get; init; } = [];

    /// <summary>The last logical tick at which something was handled.</summary>
    public long Clock { get; init; }

    /// <summary>The sampler has no more suggestions.</summary>
    public bool IsExhausted { get; init; }

    /// <summary>Why no further trial is suggested; empty while some are.</summary>
    public string Closed { get; init; } = "";

    /// <summary>Who came to which rung; empty without halving.</summary>
    public Ladder Ladder { get; init; } = Ladder.Empty;

    /// <summary>Trials that were stopped and whose runs have not confirmed it.</summary>
    public ImmutableSortedSet<int> Halting { get; init; } = [];

    /// <summary>Trials that ended after the best one so far came to its value.</summary>
    public int SinceBest { get; init; }

    /// <summary>Trials that failed.</summary>
    public int Failures { get; init; }

    /// <summary>The trial with the best value so far.</summary>
    public int? Best { get; init; }

    /// <summary>Trials whose checkpoints stay; decided at the end.</summary>
    public ImmutableSortedSet<int> Kept { get; init; } = [];

    /// <summary>False once something that need not happen again decided about a trial.</summary>
    public bool IsRepeatable { get; init; } = true;

    /// <summary>Everybody has been told that it ended.</summary>
    public bool IsSettled { get; init; }

    [JsonIgnore]
    public bool HasEnded => Phase is SweepPhase.Succeeded or SweepPhase.Failed or SweepPhase.Cancelled or SweepPhase.Deleted;

    /// <summary>The trial that a message is about: null for another attempt's, or none of this sweep.</summary>
    public Trial? Find(int trial, int attempt) =>
        trial >= 0 && trial < Trials.Count && Trials[trial] is { } found && found.Attempt == attempt ? found : null;

    /// <summary>How many trials there will have been in the end, as far as that is known.</summary>
    [JsonIgnore]
    public int TrialsInAll => IsExhausted || Closed.Length > 0 ? Trials.Count : Math.Max(Trials.Count, Settings!.Trials);

    /// <summary>The report after which the trial rests, if it is not promoted before; 0 where it goes on to its end.</summary>
    public int UntilOf(Trial trial)
    {
        ArgumentNullException.ThrowIfNull(trial);
        if (Settings?.Population is { } population)
        {
            return population.NextExchange(trial.Values.Length);
        }

        if (Settings?.Stopper is not { } stopper || StopperCatalog.Halving(stopper) is not { } halving)
        {
            return 0;
        }

        var bracket = halving.BracketOf(trial.Number, TrialsInAll);
        var next = bracket.NextRung(trial.Values.Length);
        return next < bracket.Rungs.Count ? bracket.Rungs[next] : 0;
    }

    /// <summary>The epochs of a run whose checkpoints others begin from that may still need them.</summary>
    public IReadOnlyList<int> PinnedOf(int trial, int attempt) => Settings?.Population is null
        ? []
        : [.. Trials.Where(other => other.From is { } from && from.Trial == trial && from.Attempt == attempt && (!other.HasEnded || other.Halting))
            .Select(other => other.From!.Epoch).Distinct()];

    internal SweepState With(Trial trial) => this with { Trials = Trials.SetItem(trial.Number, trial) };
}
