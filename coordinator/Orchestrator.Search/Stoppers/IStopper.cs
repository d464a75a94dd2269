namespace Orchestrator.Search;

/// <summary>Ends trials that promise little. Holds no state: a decision is a function of the study in logical time alone.</summary>
public interface IStopper
{
    /// <summary>As sweep files name it.</summary>
    string Name { get; }

    /// <summary>Why the trial ends after its latest report; null where it goes on.</summary>
    /// <param name="score">How reports are weighed.</param>
    /// <param name="trial">With its latest report.</param>
    /// <param name="trials">All trials, as far as logical time has come; this one is among them.</param>
    string? WhyStop(ReportScore score, ObservedTrial trial, IReadOnlyList<ObservedTrial> trials);
}
