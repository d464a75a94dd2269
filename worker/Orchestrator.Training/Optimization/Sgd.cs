using Orchestrator.Specs;
using static TorchSharp.torch;

namespace Orchestrator.Training.Optimization;

/// <summary>Stochastic gradient descent with momentum (torch.optim.SGD, dampening 0).</summary>
internal sealed class Sgd : FlatOptimizer
{
    private readonly OptimizerSpec spec;
    private readonly Tensor? momentum;

    public Sgd(OptimizerSpec spec, Tensor weights)
    {
        this.spec = spec;
        momentum = spec.Momentum == 0 ? null : AddState("momentum", weights);
    }

    protected override void Apply(Tensor weights, Tensor gradient, double learningRate, long step)
    {
        if (spec.WeightDecay != 0)
        {
            gradient.add_(weights, spec.WeightDecay);
        }

        // The first step's momentum is the gradient itself: 0 * momentum + gradient.
        momentum?.mul_(spec.Momentum).add_(gradient);
        if (momentum is not null && spec.Nesterov)
        {
            gradient.add_(momentum, spec.Momentum);
        }

        weights.add_(momentum is null || spec.Nesterov ? gradient : momentum, -learningRate);
    }
}
