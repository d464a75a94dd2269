namespace Orchestrator.Search;

/// <summary>Each trial drawn alone. A parameter's draw depends on its place in the space, not on which others apply.</summary>
public sealed class RandomSampler : ISampler
{
    public string Name => "random";

    public long? Size(SearchSpace space) => null;

    public Suggestion Suggest(Study study, int trial) =>
        new(study.Space.Assign((parameter, place) => parameter.Domain.FromUnit(Draws.Unit(study.Seed, trial, place))), "drawn");
}
