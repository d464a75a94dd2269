using System.Text.Json.Nodes;
using Orchestrator.Specs.Binding;

namespace Orchestrator.Specs;

/// <summary>How a sweep searches: the <c>search</c> section of its file, defaults filled in.</summary>
public sealed record SearchSpec
{
    [Field("How trials are chosen: a name, or a mapping.")]
    public SamplerSpec Sampler { get; init; } = new() { Name = "random" };

    /// <summary>How many trials; 0, which only a grid and pbt take, for as many as there are.</summary>
    [Field("How many trials; may be left out for a grid (all of its points) and for pbt (parallel, and those that take the place of others).", Min = 1, Max = 1_000_000)]
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

    [Field("What is searched for; with several the sweep looks for the Pareto front.", Name = "objective", Required = true)]
    public IReadOnlyList<ObjectiveSpec> Objectives { get; init; } = [new()];

    /// <summary>The first one: what stoppers look at and <c>best</c> goes by.</summary>
    public ObjectiveSpec Objective => Objectives[0];

    [Field("Bounds on metrics: trials that miss one rank behind those that keep all.")]
    public IReadOnlyList<ConstraintSpec> Constraints { get; init; } = [];

    [Field("Ends or pauses trials before their last epoch: a name, or a mapping.")]
    public StopperSpec? Stopper { get; init; }

    [Field("Ends the sweep before its last trial.")]
    public StopSpec Stop { get; init; } = new();

    /// <summary>Values by parameter; every parameter that applies has one.</summary>
    [Field("The first trials' parameters, before the sampler is asked: [{ lr: 0.01, hidden: 64 }].")]
    public IReadOnlyList<JsonObject> Enqueue { get; init; } = [];

    [Field("Sweeps whose trials the sampler knows from the start; of the same parameters.")]
    public IReadOnlyList<string> WarmStart { get; init; } = [];

    [Field("workload: external: how long a trial may be silent before it is handed out again.", Notation = "duration")]
    public TimeSpan Lease { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The sweep fails once more trials than this have failed; null for no limit.</summary>
    [Field("The sweep fails once more trials than this have failed.", Min = 0)]
    public int? MaxFailures { get; init; }
}

/// <summary>What chooses trials. Which fields there are depends on the name.</summary>
[Shorthand(nameof(Name))]
public sealed record SamplerSpec
{
    [Field("The method.", OneOf = "grid random sobol tpe gp cma-es nsga2 pbt", Required = true)]
    public string Name { get; init; } = "";

    [Field("tpe, gp: quasi-random trials before there is a model.", Min = 2, Max = 100_000)]
    public int Startup { get; init; } = 10;

    [Field("tpe: how many trials the prior counts as, that of the parameters or an even one.", Above = 0, Max = 1e6)]
    public double PriorWeight { get; init; } = 1;

    [Field("tpe: draws of which the best is taken; fewer explore more.", Min = 1, Max = 10_000)]
    public int Candidates { get; init; } = 48;

    [Field("tpe: the share of trials that are the better ones.", Above = 0, Max = 0.5)]
    public double Better { get; init; } = 0.15;

    [Field("cma-es: trials of a generation (4 + 3 ln dimensions unless told); nsga2: the best trials that may become parents (20 for each objective unless told).", Min = 4, Max = 100_000)]
    public int? Population { get; init; }

    [Field("pbt: members are compared after so many epochs, 3 epochs; a tenth of training.epochs (or max_epochs) unless told.")]
    public Every? Every { get; init; }

    [Field("pbt with workload: external: the steps of a whole trial; everywhere else they are training.epochs.", Min = 2, Max = 1_000_000)]
    public int? MaxEpochs { get; init; }

    [Field("pbt: the share of members that give way to copies of the best.", Above = 0, Max = 0.5)]
    public double Truncation { get; init; } = 0.2;

    [Field("pbt: by how much a copy's parameters change: of the value on a scale of logarithms, of the range on others.", Above = 0, Max = 1)]
    public double Perturb { get; init; } = 0.2;

    [Field("pbt: how often a parameter of a copy is drawn anew instead.", Min = 0, Max = 1)]
    public double Resample { get; init; } = 0.25;

    [Field("pbt: the parameters that a copy changes; unless told those that stand under training.optimizer, schedule, clip, label_smoothing, ema and augment or at model.dropout, and there alone; of a command and of external trials all.")]
    public IReadOnlyList<string> Explore { get; init; } = [];
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

    /// <summary>Which report counts: best or last, or the mean of the last few: <c>last 3</c>.</summary>
    [Field("Which report counts: best, last, or the mean of the last N: last 3.", Notation = "at")]
    public string At { get; init; } = "best";

    /// <summary>at: over how many of the last reports its mean goes.</summary>
    public int Last => Shorthands.LastOf(At);
}

/// <summary>A bound on a metric of the report that counts.</summary>
public sealed record ConstraintSpec
{
    [Field("A metric that the trials report.", Required = true)]
    public string Metric { get; init; } = "";

    [Field("Its least value.")]
    public double? Min { get; init; }

    [Field("Its greatest value.")]
    public double? Max { get; init; }
}

/// <summary>What ends trials that promise little. Which fields there are depends on the name.</summary>
[Shorthand(nameof(Name))]
public sealed record StopperSpec
{
    [Field("asha, successive-halving and hyperband pause trials at rungs and promote the best; the others end them.", OneOf = "asha hyperband median patient percentile successive-halving threshold", Required = true)]
    public string Name { get; init; } = "";

    [Field("The epoch of the lowest rung; for the others: none ends before it.", Min = 1, Max = 1_000_000)]
    public int MinEpochs { get; init; } = 1;

    [Field("asha, successive-halving, hyperband: the epochs of a whole trial; those of training unless told.", Min = 1, Max = 1_000_000)]
    public int? MaxEpochs { get; init; }

    [Field("asha, successive-halving, hyperband: one in this many goes on from a rung.", Min = 2, Max = 1000)]
    public int Reduction { get; init; } = 3;

    [Field("percentile: the share of the others, in percent, that a trial must not fall behind: 25 is stricter than 50.", Above = 0, Below = 100)]
    public double Percentile { get; init; } = 50;

    [Field("median, percentile: so many others must have come as far.", Min = 1, Max = 1_000_000)]
    public int Startup { get; init; } = 5;

    [Field("patient: another stopper, whose word counts only once patience is spent; patience alone decides unless told.")]
    public WrappedStopperSpec? Of { get; init; }

    [Field("patient: epochs without improvement.", Min = 1, Max = 1_000_000)]
    public int Patience { get; init; } = 10;

    [Field("patient: less than this is no improvement.", Min = 0)]
    public double MinDelta { get; init; }

    [Field("threshold: a trial ends below it.")]
    public double? Lower { get; init; }

    [Field("threshold: a trial ends above it.")]
    public double? Upper { get; init; }
}

/// <summary>A stopper that waits for patience. Which fields there are depends on the name.</summary>
[Shorthand(nameof(Name))]
public sealed record WrappedStopperSpec
{
    [Field("Which stopper.", OneOf = "median percentile threshold", Required = true)]
    public string Name { get; init; } = "";

    [Field("None ends before it.", Min = 1, Max = 1_000_000)]
    public int MinEpochs { get; init; } = 1;

    [Field("percentile: the share of the others, in percent, that a trial must not fall behind.", Above = 0, Below = 100)]
    public double Percentile { get; init; } = 50;

    [Field("median, percentile: so many others must have come as far.", Min = 1, Max = 1_000_000)]
    public int Startup { get; init; } = 5;

    [Field("threshold: a trial ends below it.")]
    public double? Lower { get; init; }

    [Field("threshold: a trial ends above it.")]
    public double? Upper { get; init; }
}

/// <summary>When a sweep ends before its last trial.</summary>
public sealed record StopSpec
{
    [Field("A value of the first objective that is good enough.")]
    public double? Target { get; init; }

    [Field("So many trials in a row without a better value.", Min = 1, Max = 1_000_000)]
    public int? Patience { get; init; }

    [Field("Time since the submission, 30m or 2h; decided by the clock, so the sweep does not repeat.", Notation = "duration")]
    public TimeSpan? Time { get; init; }
}
