using Orchestrator.Specs;
using static TorchSharp.torch;

namespace Orchestrator.Training.Optimization;

/// <summary>
/// Adam (Kingma and Ba, 2015), and AdamW (Loshchilov and Hutter, 2019) where weight decay is decoupled from the gradient.
/// </summary>
internal sealed class Adam : FlatOptimizer
{
    private readonly OptimizerSpec spec;
    private readonly bool decoupled;
    private readonly Tensor mean;
    private readonly Tensor square;
    private readonly Tensor scratch;

    public Adam(OptimizerSpec spec, Tensor weights, bool decoupled)
    {
        this.spec = spec;
        this.decoupled = decoupled;
        mean = AddState("exp_avg", weights);
        square = AddState("exp_avg_sq", weights);
        scratch = empty_like(weights).DetachFromDisposeScope();
    }

    protected override void Apply(Tensor weights, Tensor gradient, double learningRate, long step)
    {
        if (spec.WeightDecay != 0)
        {
            _ = decoupled ? weights.mul_(1 - (learningRate * spec.WeightDecay)) : gradient.add_(weights, spec.WeightDecay);
        }

        mean.mul_(spec.Beta1).add_(gradient, 1 - spec.Beta1);
        square.mul_(spec.Beta2).addcmul_(gradient, gradient, 1 - spec.Beta2);
        var meanCorrection = 1 - DeterministicMath.Power(spec.Beta1, step);
        var squareCorrection = Math.Sqrt(1 - DeterministicMath.Power(spec.Beta2, step));
        scratch.copy_(square).sqrt_().div_(squareCorrection).add_(spec.Epsilon);
        weights.addcdiv_(mean, scratch, -learningRate / meanCorrection);
    }

    public override void Dispose()
    {
        scratch.Dispose();
        base.Dispose();
    }
}
