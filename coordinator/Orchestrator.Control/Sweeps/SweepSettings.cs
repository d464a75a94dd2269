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
    TrialOrder Order = TrialOrder.Logical);

/// <param name="Metric">A metric that trials report.</param>
/// <param name="At">Which of a trial's reports counts.</param>
public sealed record Objective(string Metric, Goal Goal, ObjectiveAt At = ObjectiveAt.Best)
{
    public bool IsBetter(double value, double than) => Goal == Goal.Maximize ? value > than : value < than;

    /// <summary>The objective in a report; null where it is absent or not finite.</summary>
    public double? In(IReadOnlyDictionary<string, double> metrics) =>
        metrics.TryGetValue(Metric, out var value) && double.IsFinite(value) ? value : null;
}

public enum ObjectiveAt
{
    Best,
    Last,
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
