using System.Numerics;
using System.Runtime.CompilerServices;
using Orchestrator.Specs;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Optimization;

/// <summary>Stochastic gradient descent with momentum (torch.optim.SGD, dampening 0). The first step's momentum is the gradient itself: 0 * momentum + gradient.</summary>
internal sealed class Sgd : FlatOptimizer
{
    private readonly OptimizerSpec spec;

    public Sgd(OptimizerSpec spec, Tensor weights)
        : base(weights)
    {
        this.spec = spec;
        if (spec.Momentum != 0)
        {
            AddState("momentum");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override unsafe void UpdatePiece(in UpdateStep step, in HostPiece piece)
    {
        var weights = piece.WeightsAt;
        var velocities = piece.FirstAt;
        var rate = new Vector<float>((float)-step.LearningRate);
        var momentum = new Vector<float>((float)spec.Momentum);
        var gradients = new PreparedGradient(step, piece, decay: step.WeightDecay);
        for (var index = 0; index < piece.Length; index += Vector<float>.Count)
        {
            var weight = Vector.Load(weights + index);
            var direction = gradients.At(index, weight);
            if (spec.Momentum != 0)
            {
                var velocity = (Vector.Load(velocities + index) * momentum) + direction;
                Vector.Store(velocity, velocities + index);
                direction = spec.Nesterov ? direction + (velocity * momentum) : velocity;
            }

            Vector.Store(weight + (direction * rate), weights + index);
        }
    }

    protected override void UpdateRange(in UpdateStep step, Tensor weights, Tensor gradients, IReadOnlyList<Tensor> states)
    {
        if (step.WeightDecay != 0)
        {
            gradients.add_(weights, step.WeightDecay);
        }

        if (spec.Momentum != 0)
        {
            var velocity = states[0].mul_(spec.Momentum).add_(gradients);
            gradients = spec.Nesterov ? gradients.add_(velocity, spec.Momentum) : velocity;
        }

        weights.add_(gradients, -step.LearningRate);
    }
}
