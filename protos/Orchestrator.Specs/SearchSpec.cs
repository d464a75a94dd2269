using Orchestrator.Specs.Binding;

namespace Orchestrator.Specs;

/// <summary>How a sweep searches: the <c>search</c> section of its file, defaults filled in.</summary>
public sealed record SearchSpec
{
    /// <summary>grid, random, sobol, tpe, gp, cma-es, nsga2</summary>
    [Field("How trials are chosen.", OneOf = "grid random sobol tpe gp cma-es nsga2")]
    public string Sampler { get; init; } = "random";

    /// <summary>How many trials; 0, which only a grid takes, for as many as the grid has points.</summary>
    [Field("How many trials; may be left out for a grid: all of its points.", Min = 1, Max = 1_000_000)]
    public int Trials { get; init; }

    /// <summary>Logical slots: trials under way at once in logical time, whatever the number of workers.</summary>
    [Field("Trials under way at once in logical time, whatever the number of workers.", Min = 1, Max = 10_000)]
    public int Parallel { get; init; } = 1;

    /// <summary>How many of the best trials keep their checkpoints after the sweep: <c>keep: best 3</c>.</summary>
    [Field("Trials whose checkpoints stay after the sweep: best 3.", Notation = "keep")]
    public int Keep { get; init; } = 1;

    /// <summary>logical (the same sweep on any number of workers) or arrival</summary>
    [Field("logical: the same sweep on any number of workers; arrival: as reports come in.", OneOf = "logical arrival")]
    public string Order { get; init; } = "logical";

    [Field("What is searched for.", Required = true)]
    public ObjectiveSpec Objective { get; init; } = new();

    /// <summary>The sweep fails once more trials than this have failed; null for no limit.</summary>
    [Field("The sweep fails once more trials than this have failed.", Min = 0)]
    public int? MaxFailures { get; init; }
}

/// <summary>What the search wants of a trial.</summary>
public sealed record ObjectiveSpec
{
    /// <summary>A metric that the trials report: <c>val_accuracy</c>.</summary>
    [Field("A metric that the trials report: val_accuracy.", Required = true)]
    public string Metric { get; init; } = "";

    /// <summary>maximize or minimize</summary>
    [Field("Which values of it are better.", OneOf = "maximize minimize", Required = true)]
    public string Goal { get; init; } = "minimize";

    /// <summary>Which report counts: best or last.</summary>
    [Field("Which report counts.", OneOf = "best last")]
    public string At { get; init; } = "best";
}
