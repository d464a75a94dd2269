namespace Orchestrator.Search;

public enum Goal
{
    Minimize,
    Maximize,
}

/// <summary>What a sampler may know: equal studies give equal suggestions.</summary>
/// <param name="Goals">One for each objective, in their order; at least one.</param>
/// <param name="Trials">All trials before the suggested one, by number and without gaps, as far as logical time has come.</param>
public sealed record Study(SearchSpace Space, long Seed, IReadOnlyList<Goal> Goals, IReadOnlyList<ObservedTrial> Trials)
{
    /// <summary>A study of one objective.</summary>
    public Study(SearchSpace space, long seed, Goal goal, IReadOnlyList<ObservedTrial> trials)
        : this(space, seed, [goal], trials)
    {
    }
}
