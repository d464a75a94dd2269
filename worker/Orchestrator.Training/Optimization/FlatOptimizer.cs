using Orchestrator.Specs;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Optimization;

/// <summary>
/// An update of all weights at once: elementwise, in place, on the flat tensors, block by block. The formulas are those of torch.optim.
/// </summary>
internal abstract class FlatOptimizer(Tensor weights) : IDisposable
{
    private readonly FlatBlocks weightBlocks = new(weights);
    private readonly Dictionary<string, Tensor> states = new(StringComparer.Ordinal);
    private readonly List<FlatBlocks> stateBlocks = [];

    /// <summary>What must survive a restart besides the step: [elements] each, laid out as the weights are.</summary>
    public IReadOnlyDictionary<string, Tensor> States => states;

    /// <param name="weights">[elements], changed in place by every update.</param>
    /// <exception cref="SpecException">The name is not known.</exception>
    public static FlatOptimizer Create(OptimizerSpec spec, Tensor weights) => spec.Name switch
    {
        "sgd" => new Sgd(spec, weights),
        "adam" => new Adam(spec, weights, decoupled: false),
        "adamw" => new Adam(spec, weights, decoupled: true),
        _ => throw WorkloadContext.Mistake("unknown-value", "training.optimizer.name", $"'{spec.Name}' is no optimizer", "known: sgd, adam, adamw"),
    };

    /// <param name="gradient">As long as the weights; may be changed.</param>
    /// <param name="step">From 1.</param>
    public void Update(FlatBlocks gradient, double learningRate, long step)
    {
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        Apply(weightBlocks, gradient, learningRate, step);
    }

    /// <summary>All operations on a block, then the next one. Scalars are made once: each is an object of its own.</summary>
    protected abstract void Apply(FlatBlocks weights, FlatBlocks gradients, double learningRate, long step);

    protected FlatBlocks AddState(string name)
    {
        var state = zeros_like(weights).DetachFromDisposeScope();
        states.Add(name, state);
        stateBlocks.Add(new FlatBlocks(state));
        return stateBlocks[^1];
    }

    public virtual void Dispose()
    {
        weightBlocks.Dispose();
        stateBlocks.ForEach(blocks => blocks.Dispose());
        foreach (var state in states.Values)
        {
            state.Dispose();
        }

        GC.SuppressFinalize(this);
    }
}
