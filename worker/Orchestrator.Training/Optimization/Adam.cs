using System.Numerics;
using System.Runtime.CompilerServices;
using Orchestrator.Specs;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Optimization;

/// <summary>
/// Adam (Kingma and Ba, 2015), and AdamW (Loshchilov and Hutter, 2019) where weight decay is decoupled from the gradient.
/// </summary>
internal sealed class Adam : FlatOptimizer
{
    private readonly OptimizerSpec spec;
    private readonly bool decoupled;

    public Adam(OptimizerSpec spec, Tensor weights, bool decoupled)
        : base(weights)
    {
        this.spec = spec;
        this.decoupled = decoupled;
        AddState("exp_avg");
        AddState("exp_avg_sq");
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override unsafe void UpdatePiece(in UpdateStep step, in HostPiece piece)
    {
        var weights = piece.WeightsAt;
        var means = piece.FirstAt;
        var squares = piece.SecondAt;
        var keep = new Vector<float>((float)(decoupled ? 1 - (step.LearningRate * step.WeightDecay) : 1));
        var (beta1, rest1) = (new Vector<float>((float)spec.Beta1), new Vector<float>((float)(1 - spec.Beta1)));
        var (beta2, rest2) = (new Vector<float>((float)spec.Beta2), new Vector<float>((float)(1 - spec.Beta2)));
        var correction = new Vector<float>((float)(1 / SquareCorrection(step)));
        var epsilon = new Vector<float>((float)spec.Epsilon);
        var rate = new Vector<float>((float)-Rate(step));
        var gradients = new PreparedGradient(step, piece, decoupled ? 0 : step.WeightDecay);
        for (var index = 0; index < piece.Length; index += Vector<float>.Count)
        {
            var weight = Vector.Load(weights + index);
            var gradient = gradients.At(index, weight);
            var mean = (Vector.Load(means + index) * beta1) + (gradient * rest1);
            var square = (Vector.Load(squares + index) * beta2) + (gradient * gradient * rest2);
            Vector.Store(mean, means + index);
            Vector.Store(square, squares + index);
            var root = (Vector.SquareRoot(square) * correction) + epsilon;
            Vector.Store((weight * keep) + (rate * mean / root), weights + index);
        }
    }

    protected override void UpdateRange(in UpdateStep step, Tensor weights, Tensor gradients, IReadOnlyList<Tensor> states)
    {
        if (step.WeightDecay != 0)
        {
            _ = decoupled ? weights.mul_(1 - (step.LearningRate * step.WeightDecay)) : gradients.add_(weights, step.WeightDecay);
        }

        var mean = states[0].mul_(spec.Beta1).add_(gradients, 1 - spec.Beta1);
        var square = states[1].mul_(spec.Beta2).addcmul_(gradients, gradients, 1 - spec.Beta2);
        weights.addcdiv_(mean, square.sqrt().div_(SquareCorrection(step)).add_(spec.Epsilon), -Rate(step));
    }

    private double Rate(in UpdateStep step) => step.LearningRate / (1 - DeterministicMath.Power(spec.Beta1, step.Step));

    private double SquareCorrection(in UpdateStep step) => Math.Sqrt(1 - DeterministicMath.Power(spec.Beta2, step.Step));
}
