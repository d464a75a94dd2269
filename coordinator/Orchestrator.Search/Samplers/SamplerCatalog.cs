namespace Orchestrator.Search;

/// <summary>The samplers by the names that sweep files use.</summary>
public static class SamplerCatalog
{
    private static readonly ISampler[] Samplers = [new GridSampler(), new RandomSampler(), new SobolSampler(), new TpeSampler(), new GpSampler(), new CmaEsSampler(), new Nsga2Sampler()];

    public static IReadOnlyList<string> Names { get; } = [.. Samplers.Select(sampler => sampler.Name)];

    /// <summary>Null where no sampler has the name.</summary>
    public static ISampler? Find(string name) => Array.Find(Samplers, sampler => sampler.Name == name);
}
