using System.Text.Json.Serialization;
using Orchestrator.Specs.Binding;

namespace Orchestrator.Specs;

/// <summary>How a run is trained. The defaults are those of the sweep file.</summary>
public sealed record TrainingSpec
{
    public const string PinnedHardware = "pinned";
    public const string NativeHardware = "native";

    [Field("Passes over the training rows.", Min = 1, Max = 1_000_000)]
    public int Epochs { get; init; } = 1;

    /// <summary>Samples of a global step, over all workers.</summary>
    [Field("Samples of a global step, over all workers.", Min = 1, Max = 1 << 24)]
    public int BatchSize { get; init; } = 64;

    /// <summary>Logical shards of a step: same bits on 1 to this many workers.</summary>
    [Field("Logical shards of a step: the same bits on 1 to this many workers.", Min = 1, Max = 1024)]
    public int Shards { get; init; } = 4;

    [Field("How many workers share the run.")]
    public WorkersSpec Workers { get; init; } = new();

    [Field("The update rule.")]
    public OptimizerSpec Optimizer { get; init; } = new();

    [Field("The learning rate over the steps: a name, or a mapping.")]
    public ScheduleSpec Schedule { get; init; } = new();

    /// <summary>Intra-op threads of a rank; part of what decides the bits.</summary>
    [Field("Intra-op threads of a rank; decides the bits.", Min = 1, Max = 256)]
    public int Threads { get; init; } = 1;

    /// <summary>pinned or native; part of what decides the bits.</summary>
    [Field("pinned: the same bits on every maker's x86-64 processors; native: the machine's fastest instructions, and the same bits on machines of its kind alone.", OneOf = "pinned native")]
    public string Hardware { get; init; } = PinnedHardware;

    [Field("Random changes of the training images, in this order: horizontal-flip, { shift: pixels }, { crop: padding }.")]
    public IReadOnlyList<AugmentSpec> Augment { get; init; } = [];

    [Field("Bounds the gradient.")]
    public ClipSpec? Clip { get; init; }

    /// <summary>cross-entropy or mse; what the workload takes by itself where absent.</summary>
    [Field("The loss; the family's usual one where left out.", OneOf = "cross-entropy mse")]
    public string? Loss { get; init; }

    /// <summary>cross-entropy only.</summary>
    [Field("cross-entropy only: the share of a sample's weight that goes to all classes alike, in training.", Min = 0, Below = 1)]
    public double LabelSmoothing { get; init; }

    /// <summary>Names of parameters, or of the modules that they belong to.</summary>
    [Field("Parameters that stay as they are: their names, or those of their modules: conv0, hidden0.bias.")]
    public IReadOnlyList<string> Freeze { get; init; } = [];

    /// <summary>Null for none.</summary>
    [Field("Keeps a moving average of the weights, with this decay; it is what is evaluated and predicted with.", Above = 0, Below = 1)]
    public double? Ema { get; init; }

    [Field("Ends the run when the metric that chooses the best epoch has stood still: the number of epochs, or a mapping.")]
    public EarlyStoppingSpec? EarlyStopping { get; init; }

    /// <summary>In epochs or steps; of steps: within epochs, and at the end of each.</summary>
    [Field("When the validation rows are measured: 5 epochs; 500 steps measures within epochs, and at the end of each. The last epoch always is.")]
    public Every Evaluate { get; init; } = new(1, EveryUnit.Epoch);

    [Field("When checkpoints are written and which stay.")]
    public CheckpointSpec Checkpoint { get; init; } = new();

    [Field("How many incidents of a kind a run survives; beyond them it fails and its sweep pauses.")]
    public FailureBudgets Failures { get; init; } = new();
}

/// <summary>The gang's size: as many as there are slots, within these bounds.</summary>
public sealed record WorkersSpec
{
    [Field("The fewest that it starts with.", Min = 1, Max = 1024)]
    public int Min { get; init; } = 1;
    [Field("The most that it uses.", Min = 1, Max = 1024)]
    public int Max { get; init; } = 1;
}

public sealed record OptimizerSpec
{
    public const string DecayAll = "all";
    public const string DecayWeights = "weights";

    /// <summary>sgd, adam, adamw, rmsprop</summary>
    [Field("The update rule's name.", OneOf = "sgd adam adamw rmsprop")]
    public string Name { get; init; } = "adamw";
    [Field("The schedule's factor is 1 at this rate.", Above = 0, Max = 1e6)]
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>sgd and rmsprop only.</summary>
    [Field("sgd and rmsprop only.", Min = 0, Below = 1)]
    public double Momentum { get; init; }

    /// <summary>sgd only.</summary>
    [Field("sgd only, with momentum.")]
    public bool Nesterov { get; init; }

    /// <summary>Decoupled in adamw, added to the gradient in the others.</summary>
    [Field("Decoupled in adamw, added to the gradient in the others.", Min = 0, Max = 1e6)]
    public double WeightDecay { get; init; }

    /// <summary>all, or weights: no decay of biases and of what normalisation learns.</summary>
    [Field("What the decay falls on: all parameters, or weights alone, which leaves out biases and what normalisation learns (tensors of one dimension).", OneOf = "all weights")]
    public string Decay { get; init; } = DecayAll;

    /// <summary>adam and adamw only.</summary>
    [Field("adam and adamw only: decay of the mean.", Min = 0, Below = 1)]
    public double Beta1 { get; init; } = 0.9;

    /// <summary>adam and adamw only.</summary>
    [Field("adam and adamw only: decay of the square's mean.", Min = 0, Below = 1)]
    public double Beta2 { get; init; } = 0.999;

    /// <summary>rmsprop only.</summary>
    [Field("rmsprop only: decay of the square's mean.", Min = 0, Below = 1)]
    public double Alpha { get; init; } = 0.99;

    /// <summary>Not for sgd.</summary>
    [Field("adam, adamw and rmsprop only: added to the denominator.", Above = 0, Max = 1)]
    public double Epsilon { get; init; } = 1e-8;
}

/// <summary>The learning rate's factor over the run's steps. In a file either a name or a mapping.</summary>
[Shorthand(nameof(Name))]
public sealed record ScheduleSpec
{
    /// <summary>constant, step, linear, cosine, one-cycle, plateau</summary>
    [Field("The schedule's name.", OneOf = "constant step linear cosine one-cycle plateau")]
    public string Name { get; init; } = "constant";

    /// <summary>Null for the schedule's own: a quarter for one-cycle, none for the others.</summary>
    [Field("The fraction of steps spent rising to the learning rate; 0.25 for one-cycle and 0 for the others where left out.", Min = 0, Below = 1)]
    public double? WarmUp { get; init; }

    /// <summary>linear and cosine only.</summary>
    [Field("linear and cosine only: the factor at the last step.", Min = 0, Max = 1)]
    public double Final { get; init; }

    /// <summary>step only; needed there.</summary>
    [Field("step only: how often the rate falls: 10 epochs, 500 steps.")]
    public Every? Every { get; init; }

    /// <summary>step and plateau only.</summary>
    [Field("step and plateau only: what the rate is multiplied by when it falls.", Above = 0, Below = 1)]
    public double Factor { get; init; } = 0.1;

    /// <summary>plateau only.</summary>
    [Field("plateau only: epochs without a better value of the metric that chooses the best, after which the rate falls.", Min = 1, Max = 1_000_000)]
    public int Patience { get; init; } = 5;
}

/// <summary>One augmentation. In a file a name, or a mapping of one name to its amount: <c>{ shift: 2 }</c>.</summary>
/// <param name="Name">horizontal-flip, shift, crop</param>
/// <param name="Amount">shift: pixels at most; crop: the padding in pixels; 0 where it takes none.</param>
public sealed record AugmentSpec(string Name, double Amount = 0);

public sealed record ClipSpec
{
    /// <summary>Greatest global norm of the reduced gradient.</summary>
    [Field("Greatest global norm of the reduced gradient.", Above = 0)]
    public double? Norm { get; init; }

    /// <summary>After the norm, where both are given.</summary>
    [Field("Greatest magnitude of an element of the reduced gradient; after the norm, where both are given.", Above = 0)]
    public double? Value { get; init; }
}

[Shorthand(nameof(Patience))]
public sealed record EarlyStoppingSpec
{
    [Field("Epochs without a better value after which the run ends.", Min = 1, Max = 1_000_000)]
    public int Patience { get; init; } = 5;

    [Field("By how much a value must be better to count.", Min = 0)]
    public double MinDelta { get; init; }
}

public sealed record CheckpointSpec
{
    /// <summary>In epochs or steps: <c>1 epoch</c>, <c>500 steps</c>.</summary>
    [Field("1 epoch, 5 epochs, 500 steps; the last step and the best epoch are always written.")]
    public Every Every { get; init; } = new(1, EveryUnit.Epoch);
    [Field("How many of the best stay.", Min = 1, Max = 10_000)]
    public int KeepBest { get; init; } = 1;
    [Field("How many of the last stay.", Min = 1, Max = 10_000)]
    public int KeepLast { get; init; } = 2;

    /// <summary>Decides the best; the sweep's objective where it belongs to one.</summary>
    [Field("Decides the best; the sweep's objective where it belongs to one, val_loss otherwise.")]
    public string Metric { get; init; } = "";

    /// <summary>maximize or minimize</summary>
    [Field("Which values of it are better.", OneOf = "maximize minimize")]
    public string Goal { get; init; } = "";

    [JsonIgnore]
    public string MetricOrDefault => Metric.Length > 0 ? Metric : "val_loss";

    /// <summary>Where the file does not say, losses and errors are minimized, and everything else is not.</summary>
    [JsonIgnore]
    public bool Maximizes => Goal == "maximize"
        || (Goal.Length == 0 && !MetricOrDefault.EndsWith("loss", StringComparison.Ordinal) && !MetricOrDefault.EndsWith("error", StringComparison.Ordinal));
}

public readonly record struct Every(int Count, EveryUnit Unit)
{
    /// <summary>Whether this epoch, from 1, is one of them; every one is where steps are counted.</summary>
    public bool HasEpoch(int epoch) => Unit == EveryUnit.Step || epoch % Count == 0;

    /// <summary>Whether it is time at the end of this epoch, which is that of this step.</summary>
    public bool IsDue(int epoch, long step) => Unit == EveryUnit.Epoch ? HasEpoch(epoch) : HasStep(step);

    /// <summary>Whether this step, from 1, is one of them; none is where epochs are counted.</summary>
    public bool HasStep(long step) => Unit == EveryUnit.Step && step % Count == 0;
}

public enum EveryUnit
{
    Epoch,
    Step,
}

/// <summary>How many incidents of a kind a run survives; beyond them it fails and its sweep pauses.</summary>
public sealed record FailureBudgets
{
    [Field("Dead or unreachable workers.", Min = 0, Max = 1_000_000)]
    public int Lost { get; init; } = 20;
    [Field("Frozen or hung workers.", Min = 0, Max = 1_000_000)]
    public int Hung { get; init; } = 5;
    [Field("Workers that ran out of memory.", Name = "out-of-memory", Min = 0, Max = 1_000_000)]
    public int OutOfMemory { get; init; } = 2;
}
