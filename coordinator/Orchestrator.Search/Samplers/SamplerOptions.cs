namespace Orchestrator.Search;

/// <summary>What can be told a sampler, every default filled in; those that it has no use for are left alone.</summary>
public sealed record SamplerOptions
{
    public static SamplerOptions Default { get; } = new();

    /// <summary>tpe, gp: quasi-random trials before there is a model.</summary>
    public int Startup { get; init; } = 10;

    /// <summary>tpe: how many trials the prior counts as.</summary>
    public double PriorWeight { get; init; } = 1;

    /// <summary>tpe: draws of which the best is taken.</summary>
    public int Candidates { get; init; } = 48;

    /// <summary>tpe: the share of trials that are the better ones.</summary>
    public double Better { get; init; } = 0.15;

    /// <summary>cma-es: trials of a generation; nsga2: the best trials that may become parents. 0 for what suits the space and the objectives.</summary>
    public int Population { get; init; }
}
