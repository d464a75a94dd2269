namespace Orchestrator.Search;

/// <summary>Every point of the space once, in order; ends by itself.</summary>
public sealed class GridSampler : ISampler
{
    public string Name => "grid";

    public long? Size(SearchSpace space) => space.Grid.Size;

    public Suggestion? Suggest(Study study, int trial) => trial < study.Space.Grid.Size
        ? new Suggestion(study.Space.Grid[trial], $"point {trial + 1} of {study.Space.Grid.Size}")
        : null;
}
