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

    public static TheoryData<OptimizerSpec> Specs =>
    [
        new OptimizerSpec { Name = "sgd" },
        new OptimizerSpec { Name = "sgd", Momentum = 0.9 },
        new OptimizerSpec { Name = "sgd", Momentum = 0.9, Nesterov = true, WeightDecay = 0.02 },
        new OptimizerSpec { Name = "adam" },
        new OptimizerSpec { Name = "adam", WeightDecay = 0.02, Beta1 = 0.8, Beta2 = 0.95, Epsilon = 1e-6 },
        new OptimizerSpec { Name = "adamw", WeightDecay = 0.05 },
        new OptimizerSpec { Name = "adamw", WeightDecay = 0.05, Decay = OptimizerSpec.DecayWeights },
        new OptimizerSpec { Name = "rmsprop" },
        new OptimizerSpec { Name = "rmsprop", Alpha = 0.9, Momentum = 0.5, WeightDecay = 0.02, Epsilon = 1e-6, Decay = OptimizerSpec.DecayWeights },
    ];

    [Theory]
    [MemberData(nameof(Specs))]
    public void Flat_updates_are_those_of_torch_optim(OptimizerSpec spec) => Compare(spec, new UpdateStep(Rate, 0), gradient => gradient);

    [Fact]
    public void Clipping_by_norm_comes_before_clipping_by_value() =>
        Compare(new OptimizerSpec { Name = "sgd" }, new UpdateStep(Rate, 0, Scale: 0.5, Bound: 0.25), gradient => (gradient * 0.5).clamp(-0.25, 0.25));

    [Theory]
    [MemberData(nameof(Specs))]
    public void Threads_change_no_bit(OptimizerSpec spec)
    {
        float[] Weights(int threads)
        {
            using var scope = NewDisposeScope();
            manual_seed(1);
            using var linear = nn.Linear(300, 300);
            using var model = new FlatModel(linear, CPU);
            using var optimizer = FlatOptimizer.Create(new TrainingSpec { Optimizer = spec, Ema = 0.9 }, model);
            var gradient = randn(model.Weights.shape);
            set_num_threads(threads);
            optimizer.Update(gradient, new UpdateStep(Rate, 1));
            set_num_threads(1);
            return [.. HostMemory.Span<float>(model.Weights), .. HostMemory.Span<float>(optimizer.States[FlatOptimizer.Average])];
        }

        Assert.Equal(Weights(1), Weights(3));
    }

    [Fact]
    public void The_average_follows_the_weights_and_stands_in_for_them_only_as_long_as_it_is_asked_to()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        using var linear = nn.Linear(300, 300);
        using var model = new FlatModel(linear, CPU);
        using var optimizer = FlatOptimizer.Create(new TrainingSpec { Optimizer = new OptimizerSpec { Name = "sgd" }, Ema = 0.75 }, model);
        var expected = model.Weights.clone();
        for (var step = 1; step <= 5; step++)
        {
            optimizer.Update(randn(model.Weights.shape), new UpdateStep(Rate, step));
            expected = (expected * 0.75) + (model.Weights * 0.25);
        }

        var weights = HostMemory.Span<float>(model.Weights).ToArray();
        using (optimizer.UseAverage())
        {
            Assert.True((model.Weights - expected).abs().max().ToDouble() < 1e-6);
            Assert.NotEqual(weights, HostMemory.Span<float>(model.Weights).ToArray());
        }

        Assert.Equal(weights, HostMemory.Span<float>(model.Weights).ToArray());
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

    /// <summary>50 steps of a layer of several pieces, against torch's optimizer.</summary>
    private static void Compare(OptimizerSpec spec, UpdateStep step, Func<Tensor, Tensor> asTheirs)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        using var ours = nn.Linear(300, 301);
        using var theirs = nn.Linear(300, 301);
        theirs.load_state_dict(ours.state_dict());
        using var model = new FlatModel(ours, CPU);
        using var optimizer = FlatOptimizer.Create(new TrainingSpec { Optimizer = spec }, model);
        using var weight = Peer(spec, theirs.weight!, decays: true);
        using var bias = Peer(spec, theirs.bias!, decays: spec.Decay == OptimizerSpec.DecayAll);
        var gradient = zeros_like(model.Weights);
        var views = model.ViewsOf(gradient);
        for (var number = 1; number <= 50; number++)
        {
            var (first, second) = (randn_like(theirs.weight!).detach(), randn_like(theirs.bias!).detach());
            views[0].copy_(first);
            views[1].copy_(second);
            (theirs.weight!.grad, theirs.bias!.grad) = (asTheirs(first), asTheirs(second));
            weight.step();
            bias.step();
            optimizer.Update(gradient, step with { Step = number });
        }

        Assert.True((ours.weight! - theirs.weight!).abs().max().ToDouble() < 2e-6);
        Assert.True((ours.bias! - theirs.bias!).abs().max().ToDouble() < 2e-6);
    }

    private static optim.Optimizer Peer(OptimizerSpec spec, TorchSharp.Modules.Parameter parameter, bool decays)
    {
        var decay = decays ? spec.WeightDecay : 0;
        return spec.Name switch
        {
            "sgd" => optim.SGD([parameter], Rate, spec.Momentum, weight_decay: decay, nesterov: spec.Nesterov),
            "adam" => optim.Adam([parameter], Rate, spec.Beta1, spec.Beta2, spec.Epsilon, decay),
            "rmsprop" => optim.RMSProp([parameter], Rate, spec.Alpha, spec.Epsilon, decay, spec.Momentum),
            _ => optim.AdamW([parameter], Rate, spec.Beta1, spec.Beta2, spec.Epsilon, decay),
        };
    }
}
