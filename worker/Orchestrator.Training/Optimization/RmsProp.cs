using System.Numerics;
using System.Runtime.CompilerServices;
using Orchestrator.Specs;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Optimization;

/// <summary>The gradient over the root of its square's moving mean (Tieleman and Hinton, "Lecture 6.5", 2012; torch.optim.RMSprop, not centred), with momentum where asked for.</summary>
internal sealed class RmsProp : FlatOptimizer
{
    private readonly OptimizerSpec spec;

    public RmsProp(OptimizerSpec spec, Tensor weights)
        : base(weights)
    {
        this.spec = spec;
        AddState("square_avg");
        if (spec.Momentum != 0)
        {
            AddState("momentum");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override unsafe void UpdatePiece(in UpdateStep step, in HostPiece piece)
    {
        var weights = piece.WeightsAt;
        var squares = piece.FirstAt;
        var velocities = piece.SecondAt;
        var (alpha, rest) = (new Vector<float>((float)spec.Alpha), new Vector<float>((float)(1 - spec.Alpha)));
        var epsilon = new Vector<float>((float)spec.Epsilon);
        var momentum = new Vector<float>((float)spec.Momentum);
        var rate = new Vector<float>((float)-step.LearningRate);
        var gradients = new PreparedGradient(step, piece, step.WeightDecay);
        for (var index = 0; index < piece.Length; index += Vector<float>.Count)
        {
            var weight = Vector.Load(weights + index);
            var gradient = gradients.At(index, weight);
            var square = (Vector.Load(squares + index) * alpha) + (gradient * gradient * rest);
            Vector.Store(square, squares + index);
            var direction = gradient / (Vector.SquareRoot(square) + epsilon);
            if (spec.Momentum != 0)
            {
                direction += Vector.Load(velocities + index) * momentum;
                Vector.Store(direction, velocities + index);
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

        var root = states[0].mul_(spec.Alpha).addcmul_(gradients, gradients, 1 - spec.Alpha).sqrt().add_(spec.Epsilon);
        var direction = spec.Momentum != 0 ? states[1].mul_(spec.Momentum).addcdiv_(gradients, root, 1) : gradients.div_(root);
        weights.add_(direction, -step.LearningRate);
    }
}
