namespace Orchestrator.Search;

/// <summary>Each trial drawn alone, evenly over what the space's constraints leave.</summary>
public sealed class RandomSampler : ISampler
{
    public string Name => "random";

    public long? Size(SearchSpace space) => null;

    public Suggestion Suggest(Study study, int trial) => new(SpaceRoom.Draw(study.Space, study.Seed, trial), "drawn");
}
