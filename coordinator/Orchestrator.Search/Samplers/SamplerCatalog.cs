namespace Orchestrator.Search;

/// <summary>The samplers by the names that sweep files use.</summary>
public static class SamplerCatalog
{
    public static IReadOnlyList<string> Names { get; } = ["grid", "random", "sobol", "tpe", "gp", "cma-es", "nsga2", "pbt"];

    /// <summary>Null where no sampler has the name.</summary>
    public static ISampler? Find(string name, SamplerOptions? options = null) => name switch
    {
        "grid" => new GridSampler(),
        "random" => new RandomSampler(),
        "sobol" => new SobolSampler(),
        "tpe" => new TpeSampler(options),
        "gp" => new GpSampler(options),
        "cma-es" => new CmaEsSampler(options),
        "nsga2" => new Nsga2Sampler(options),
        "pbt" => new PbtSampler(),
        _ => null,
    };
}
