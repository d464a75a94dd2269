namespace Orchestrator.Search;

public enum Goal
{
    Minimize,
    Maximize,
}

/// <summary>What a sampler may know: equal studies give equal suggestions.</summary>
/// <param name="Trials">All trials before the suggested one, by number, as far as logical time has come.</param>
public sealed record Study(SearchSpace Space, long Seed, Goal Goal, IReadOnlyList<ObservedTrial> Trials);

public enum ObservedState
{
    Running,
    Succeeded,
    Stopped,
    Failed,
}

/// <param name="Values">The objective at the ticks so far, first tick first; null where a report had none.</param>
/// <param name="Value">The trial's value; null while it has none.</param>
public sealed record ObservedTrial(
    int Number, ParameterAssignment Parameters, ObservedState State, IReadOnlyList<double?> Values, double? Value);
