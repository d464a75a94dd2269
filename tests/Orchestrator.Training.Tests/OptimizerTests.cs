using Orchestrator.Specs;
using Orchestrator.Training.Engine;
using Orchestrator.Training.Optimization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Orchestrator.Training.Tests;

public sealed class OptimizerTests
{
    private const double Rate = 0.01;

    // Two blocks, and a part of one.
    private const int Elements = (2 << 15) + 500;

    public static TheoryData<OptimizerSpec> Specs =>
    [
        new OptimizerSpec { Name = "sgd" },
        new OptimizerSpec { Name = "sgd", Momentum = 0.9 },
        new OptimizerSpec { Name = "sgd", Momentum = 0.9, Nesterov = true, WeightDecay = 0.02 },
        new OptimizerSpec { Name = "adam" },
        new OptimizerSpec { Name = "adam", WeightDecay = 0.02, Beta1 = 0.8, Beta2 = 0.95, Epsilon = 1e-6 },
        new OptimizerSpec { Name = "adamw", WeightDecay = 0.05 },
    ];

    [Theory]
    [MemberData(nameof(Specs))]
    public void Flat_updates_are_those_of_torch_optim(OptimizerSpec spec)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var ours = randn(Elements);
        var theirs = new TorchSharp.Modules.Parameter(ours.clone());
        using var optimizer = FlatOptimizer.Create(spec, ours);
        using var peer = Peer(spec, theirs);
        for (var step = 1; step <= 50; step++)
        {
            var gradient = randn(Elements);
            theirs.grad = gradient.clone();
            peer.step();
            using var blocks = new FlatBlocks(gradient);
            optimizer.Update(blocks, Rate, step);
        }

        Assert.True((ours - theirs).abs().max().ToDouble() < 2e-6);
    }

    [Fact]
    public void Norm_is_a_tree_of_blocks_in_double()
    {
        var random = new Random(3);
        var elements = Enumerable.Range(0, (GradientNorm.Block * 5) + 13).Select(_ => (float)(random.NextDouble() - 0.5)).ToArray();
        double Block(int index) => GradientNorm.SumOfSquares(elements.AsSpan(index * GradientNorm.Block, Math.Min(GradientNorm.Block, elements.Length - (index * GradientNorm.Block))));
        Assert.Equal(((Block(0) + Block(1)) + (Block(2) + Block(3))) + (Block(4) + Block(5)), GradientNorm.SumOfSquares(elements));
        Assert.Equal(elements.Sum(element => (double)element * element), GradientNorm.SumOfSquares(elements), 8);
        Assert.Equal(0, GradientNorm.SumOfSquares([]));

        // What float32 can't square is no divergence; what is no number is.
        Assert.True(double.IsFinite(GradientNorm.SumOfSquares([1e30f])));
        Assert.False(double.IsFinite(GradientNorm.SumOfSquares([1, float.NaN])));
        Assert.False(double.IsFinite(GradientNorm.SumOfSquares([float.NegativeInfinity])));
    }

    private static optim.Optimizer Peer(OptimizerSpec spec, TorchSharp.Modules.Parameter parameter) => spec.Name switch
    {
        "sgd" => optim.SGD([parameter], Rate, spec.Momentum, weight_decay: spec.WeightDecay, nesterov: spec.Nesterov),
        "adam" => optim.Adam([parameter], Rate, spec.Beta1, spec.Beta2, spec.Epsilon, spec.WeightDecay),
        _ => optim.AdamW([parameter], Rate, spec.Beta1, spec.Beta2, spec.Epsilon, spec.WeightDecay),
    };
}
