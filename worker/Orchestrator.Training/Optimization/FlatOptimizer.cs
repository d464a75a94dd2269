using Orchestrator.Specs;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Optimization;

/// <summary>
/// An update of all weights at once: elementwise, in place, on the flat tensors. The formulas are those of torch.optim.
/// </summary>
internal abstract class FlatOptimizer : IDisposable
{
    private readonly Dictionary<string, Tensor> states = new(StringComparer.Ordinal);

    /// <summary>What must survive a restart besides the step: [elements] each, laid out as the weights are.</summary>
    public IReadOnlyDictionary<string, Tensor> States => states;

    /// <exception cref="SpecException">The name is not known.</exception>
    public static FlatOptimizer Create(OptimizerSpec spec, Tensor weights) => spec.Name switch
    {
        "sgd" => new Sgd(spec, weights),
        "adam" => new Adam(spec, weights, decoupled: false),
        "adamw" => new Adam(spec, weights, decoupled: true),
        _ => throw WorkloadContext.Mistake("unknown-value", "training.optimizer.name", $"'{spec.Name}' is no optimizer", "known: sgd, adam, adamw"),
    };

    /// <param name="weights">[elements], changed in place.</param>
    /// <param name="gradient">[elements]; may be changed.</param>
    /// <param name="step">From 1.</param>
    public void Update(Tensor weights, Tensor gradient, double learningRate, long step)
    {
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        Apply(weights, gradient, learningRate, step);
    }

    protected abstract void Apply(Tensor weights, Tensor gradient, double learningRate, long step);

    protected Tensor AddState(string name, Tensor weights)
    {
        var state = zeros_like(weights).DetachFromDisposeScope();
        states.Add(name, state);
        return state;
    }

    public virtual void Dispose()
    {
        foreach (var state in states.Values)
        {
            state.Dispose();
        }

        GC.SuppressFinalize(this);
    }
}
