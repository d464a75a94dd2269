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
    private readonly FlatBlocks means;
    private readonly FlatBlocks squares;
    private readonly Tensor scratch;
    private readonly Tensor[] roots;

    public Adam(OptimizerSpec spec, Tensor weights, bool decoupled)
        : base(weights)
    {
        this.spec = spec;
        this.decoupled = decoupled;
        means = AddState("exp_avg");
        squares = AddState("exp_avg_sq");

        // One block's worth for all; the last one may be shorter.
        scratch = empty_like(means[0]).DetachFromDisposeScope();
        roots = [.. Enumerable.Range(0, means.Count).Select(block => scratch.narrow(0, 0, means[block].NumberOfElements).DetachFromDisposeScope())];
    }

    protected override void Apply(FlatBlocks weights, FlatBlocks gradients, double learningRate, long step)
    {
        var meanCorrection = 1 - DeterministicMath.Power(spec.Beta1, step);
        using Scalar decay = decoupled ? 1 - (learningRate * spec.WeightDecay) : spec.WeightDecay;
        using Scalar beta1 = spec.Beta1, rest1 = 1 - spec.Beta1, beta2 = spec.Beta2, rest2 = 1 - spec.Beta2;
        using Scalar squareCorrection = Math.Sqrt(1 - DeterministicMath.Power(spec.Beta2, step)), epsilon = spec.Epsilon, rate = -learningRate / meanCorrection;
        for (var block = 0; block < weights.Count; block++)
        {
            var (weight, gradient) = (weights[block], gradients[block]);
            if (spec.WeightDecay != 0)
            {
                _ = decoupled ? weight.mul_(decay) : gradient.add_(weight, decay);
            }

            var mean = means[block].mul_(beta1).add_(gradient, rest1);
            var square = squares[block].mul_(beta2).addcmul_(gradient, gradient, rest2);
            var root = roots[block].copy_(square).sqrt_().div_(squareCorrection).add_(epsilon);
            weight.addcdiv_(mean, root, rate);
        }
    }

    public override void Dispose()
    {
        Array.ForEach(roots, root => root.Dispose());
        scratch.Dispose();
        base.Dispose();
    }
}
