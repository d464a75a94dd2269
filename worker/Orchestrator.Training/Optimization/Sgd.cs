using Orchestrator.Specs;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Optimization;

/// <summary>Stochastic gradient descent with momentum (torch.optim.SGD, dampening 0).</summary>
internal sealed class Sgd : FlatOptimizer
{
    private readonly OptimizerSpec spec;
    private readonly FlatBlocks? momenta;

    public Sgd(OptimizerSpec spec, Tensor weights)
        : base(weights)
    {
        this.spec = spec;
        momenta = spec.Momentum == 0 ? null : AddState("momentum");
    }

    protected override void Apply(FlatBlocks weights, FlatBlocks gradients, double learningRate, long step)
    {
        using Scalar decay = spec.WeightDecay, momentum = spec.Momentum, rate = -learningRate;
        for (var block = 0; block < weights.Count; block++)
        {
            var (weight, gradient) = (weights[block], gradients[block]);
            if (spec.WeightDecay != 0)
            {
                gradient.add_(weight, decay);
            }

            // The first step's momentum is the gradient itself: 0 * momentum + gradient.
            var velocity = momenta?[block].mul_(momentum).add_(gradient);
            if (velocity is not null && spec.Nesterov)
            {
                gradient.add_(velocity, momentum);
            }

            weight.add_(velocity is null || spec.Nesterov ? gradient : velocity, rate);
        }
    }
}
