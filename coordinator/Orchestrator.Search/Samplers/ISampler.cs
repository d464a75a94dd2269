namespace Orchestrator.Search;

/// <summary>Chooses trials' parameters. Holds no state: a suggestion is a function of the study alone.</summary>
public interface ISampler
{
    /// <summary>As sweep files name it.</summary>
    string Name { get; }

    /// <summary>How many trials it has at most; null where it never runs out.</summary>
    /// <exception cref="SearchSpaceException">It can't search this space.</exception>
    long? Size(SearchSpace space);

    /// <summary>The parameters of the trial, or null where there are no more: then there are none for any higher number either.</summary>
    /// <param name="trial">The study's trials are those with lower numbers.</param>
    Suggestion? Suggest(Study study, int trial);
}

/// <param name="Reason">Why these parameters, for people: where in the method they come from.</param>
public sealed record Suggestion(ParameterAssignment Parameters, string Reason);
