using System.Text.Json.Serialization;
using Orchestrator.Search;

namespace Orchestrator.Control.Sweeps;

/// <summary>What decides a sweep, with every default filled in.</summary>
/// <param name="Sampler">A name of <see cref="SamplerCatalog"/>.</param>
/// <param name="Trials">At most this many; a sampler that runs out ends the sweep before.</param>
/// <param name="Parallel">Logical slots: how many trials are under way at once in logical time.</param>
/// <param name="Keep">How many of the best trials keep their checkpoints after the sweep.</param>
/// <param name="MaxFailures">The sweep fails once more trials than this have failed; null for no limit.</param>
public sealed record SweepSettings(
    SearchSpace Space, string Sampler, long Seed, int Trials, int Parallel, Objective Objective, int Keep = 1, int? MaxFailures = null,
    TrialOrder Order = TrialOrder.Logical)
{
    public SamplerOptions SamplerOptions { get; init; } = SamplerOptions.Default;

    /// <summary>Trials are members of a population; null where they are not.</summary>
    public PopulationSettings? Population { get; init; }

    /// <summary>Ends or pauses trials before their last report; null to train all of them to the end.</summary>
    public StopperSettings? Stopper { get; init; }

    /// <summary>Objectives beyond the first. A trial's value of each is taken from the report that counts for the first.</summary>
    public IReadOnlyList<Objective> Others { get; init; } = [];

    /// <summary>Trials that miss one rank behind those that keep all of them.</summary>
    public IReadOnlyList<MetricConstraint> Constraints { get; init; } = [];

    /// <summary>When the sweep ends before its last trial.</summary>
    public StopRule Stop { get; init; } = new();

    /// <summary>The first trials' parameters, before the sampler is asked.</summary>
    public IReadOnlyList<ParameterAssignment> Enqueued { get; init; } = [];

    /// <summary>Trials of earlier sweeps, as the sampler sees them before this one's.</summary>
    public IReadOnlyList<ObservedTrial> Earlier { get; init; } = [];

    /// <summary>How long an external trial may be silent before it is handed out again; null where workers of the cluster run the trials.</summary>
    public TimeSpan? Lease { get; init; }

    [JsonIgnore]
    public bool IsExternal => Lease is not null;

    /// <summary>The goals of all objectives, the first one first.</summary>
    [JsonIgnore]
    public IReadOnlyList<Goal> Goals => [Objective.Goal, .. Others.Select(other => other.Goal)];

    /// <summary>Runs may have gone beyond the report at which their trial turns out to have ended.</summary>
    [JsonIgnore]
    public bool MayCut => Stop.Target is not null || (Stopper is { } stopper && StopperCatalog.Stopper(stopper) is not null);
}

/// <summary>When a sweep ends before its last trial; nothing set, never.</summary>
/// <param name="Target">A value of the first objective that is good enough.</param>
/// <param name="Patience">So many trials in a row without a new best one.</param>
/// <param name="Seconds">Since it was submitted. Decided by the clock: the sweep does not repeat.</param>
public sealed record StopRule(double? Target = null, int? Patience = null, double? Seconds = null);

/// <summary>A bound on a metric of the report that counts.</summary>
public sealed record MetricConstraint(string Metric, double? Min = null, double? Max = null)
{
    /// <summary>At most 0 where it holds, above 0 by how far it is missed; the greatest number where the metric is absent.</summary>
    public double MissedBy(IReadOnlyDictionary<string, double> metrics) =>
        !metrics.TryGetValue(Metric, out var value) || !double.IsFinite(value)
            ? double.MaxValue
            : Math.Max(Min is { } min ? min - value : double.MinValue, Max is { } max ? value - max : double.MinValue);
}

/// <param name="Metric">A metric that trials report.</param>
/// <param name="At">Which of a trial's reports counts.</param>
/// <param name="Last">LastMean: over how many reports.</param>
public sealed record Objective(string Metric, Goal Goal, ReportChoice At = ReportChoice.Best, int Last = 1)
{
    [JsonIgnore]
    public ReportScore Score => new(Goal, At, Last);

    public bool IsBetter(double value, double than) => Goal == Goal.Maximize ? value > than : value < than;

    /// <summary>The objective in a report; null where it is absent or not finite.</summary>
    public double? In(IReadOnlyDictionary<string, double> metrics) =>
        metrics.TryGetValue(Metric, out var value) && double.IsFinite(value) ? value : null;
}

/// <summary>In which order reports are handled.</summary>
public enum TrialOrder
{
    /// <summary>By (tick, trial number): the same sweep on any number of workers.</summary>
    Logical,

    /// <summary>As they come in.</summary>
    Arrival,
}

/// <summary>What a sweep was submitted with, beyond what decides it.</summary>
/// <param name="File">The sweep file's text.</param>
/// <param name="Set">Overrides of it, path=value.</param>
/// <param name="DatasetSha256">The manifest pinned at submit; empty where there is no dataset.</param>
/// <param name="PackageSha256">The user's assembly pinned at submit; empty where there is none.</param>
/// <param name="TraceParent">W3C trace context of the submission; null where it was not traced.</param>
public sealed record Submission(
    string Name, string File, string FileName, IReadOnlyList<string> Set, IReadOnlyDictionary<string, string> Labels, string DatasetSha256,
    string PackageSha256, string? TraceParent);
