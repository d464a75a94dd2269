using Orchestrator.Collectives;
using Orchestrator.Training.Engine;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Orchestrator.Training.Tests;

/// <summary>Gradients that are summed while backward still runs.</summary>
public sealed class OverlapTests
{
    [Fact]
    public void Buckets_are_whole_parameters_from_the_last_to_the_first()
    {
        FlatSlot[] slots = [.. new[] { 5, 40, 16, 100, 3 }.Select((length, index) => new FlatSlot($"p{index}", null!, [length], index * 112, length))];
        var stride = 32 + (5 * 112);
        var buckets = new GradientBuckets(slots, gradient: 32, stride, leastElements: 200);

        // What lies before the first parameter comes with it.
        Assert.Equal([new Columns(32 + (3 * 112), 224), new Columns(32 + 112, 224), new Columns(0, 32 + 112)], buckets.All);
        Assert.Equal([2, 1, 1, 0, 0], Enumerable.Range(0, 5).Select(buckets.BucketOf));
        Assert.Equal([new Columns(0, stride)], new GradientBuckets(slots, 32, stride, leastElements: 1 << 20).All);

        buckets.Settle(3);
        buckets.Settle(3);
        Assert.False(buckets.IsWhole(0));
        buckets.Settle(4);
        Assert.True(buckets.IsWhole(0));
        Assert.False(buckets.IsWhole(1));
        buckets.Restart();
        Assert.False(buckets.IsWhole(0));
    }

    [Fact]
    public void Every_gradient_is_told_of_once_in_the_order_of_backward_and_is_there()
    {
        using var scope = NewDisposeScope();
        using var module = Network();
        using var model = new FlatModel(module, CPU);
        using var rows = new PartialRows(model, new RowPlan([new TreeNode(0, 1)]));
        rows.Bind(0);
        var told = new List<string>();
        var whole = new List<Tensor>();
        using (var hooks = GradientHooks.On(model.Parameters)!)
        {
            // The last layer's weights are used twice, one of them outside of the layer and before it.
            var weights = module.get_parameter("last.weight")!;
            var loss = (weights.square().sum() * module.forward(Input(0)).square().sum()).sqrt();
            hooks.During(() => loss.backward(), parameter =>
            {
                whole.Add(rows.All.clone());
                told.Add(model.Parameters[parameter].Name);
            });
            Assert.Equal(model.Parameters.Count, told.Count);
            for (var index = 0; index < told.Count; index++)
            {
                var slot = model.Parameters.Single(parameter => parameter.Name == told[index]);
                Assert.True(whole[index][0].narrow(0, slot.Offset, slot.Length).equal(rows.All[0].narrow(0, slot.Offset, slot.Length)).all().ToBoolean(), slot.Name);
            }
        }

        Assert.Equal(model.Parameters.Select(slot => slot.Name).Order(StringComparer.Ordinal), told.Order(StringComparer.Ordinal));
        Assert.True(told.IndexOf("last.bias") < told.IndexOf("middle.weight") && told.IndexOf("middle.weight") < told.IndexOf("first.weight"), string.Join(' ', told));

        // Gone with the hooks.
        told.Clear();
        module.forward(Input(0)).square().sum().backward();
        Assert.Empty(told);
    }

    [Fact]
    public void What_a_listener_throws_comes_out_of_backward()
    {
        using var scope = NewDisposeScope();
        using var module = Network();
        using var model = new FlatModel(module, CPU);
        using var hooks = GradientHooks.On(model.Parameters)!;
        var loss = module.forward(Input(0)).sum();
        var thrown = Assert.Throws<IOException>(() => hooks.During(() => loss.backward(), _ => throw new IOException("no")));
        Assert.Equal("no", thrown.Message);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Sums_begun_during_backward_have_the_bits_of_those_begun_after(int shards)
    {
        var (after, none) = Step(shards, overlaps: false, Loss);
        var (during, early) = Step(shards, overlaps: true, Loss);
        Assert.Equal(after, during);
        Assert.Equal(0, none);

        // All but the first layer's, which the end of backward brings.
        Assert.Equal(2, early);

        static Tensor Loss(nn.Module<Tensor, Tensor> module, int shard) => module.forward(Input(shard)).square().sum();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void A_gradient_that_comes_after_its_bucket_went_is_noticed_and_the_sums_are_made_again(int shards)
    {
        var (after, _) = Step(shards, overlaps: false, Loss);
        var torn = 0;
        var (during, early) = Step(shards, overlaps: true, Loss, sums =>
        {
            Assert.True(sums.IsTorn);
            torn++;
            sums.Repeat();
        });
        Assert.Equal(after, during);
        Assert.Equal((2, 1), (early, torn));

        // A backward inside of the backward, at its very end: the last layer gets a gradient that its bucket did not have.
        static Tensor Loss(nn.Module<Tensor, Tensor> module, int shard)
        {
            var input = Nested.apply(Input(shard).requires_grad_(), module.get_parameter("last.weight")!);
            return module.forward(input).square().sum();
        }
    }

    /// <returns>The sums, and how many buckets went before backward was over.</returns>
    private static (float[] Sums, int Early) Step(int shards, bool overlaps, Func<nn.Module<Tensor, Tensor>, int, Tensor> loss, Action<GradientSums>? torn = null)
    {
        using var scope = NewDisposeScope();
        using var module = Network();
        using var model = new FlatModel(module, CPU);
        var collective = new NetworkOfOne(ShardPlan.Even(shards, 1));
        using var sums = new GradientSums(model, collective, overlaps, leastBucket: 64);
        var early = 0;

        // Twice: what a step leaves behind must not show in the next one.
        for (var turn = 0; turn < 2; turn++)
        {
            sums.Restart();
            var plan = sums.Rows.Plan;
            var shard = 0;
            foreach (var row in Enumerable.Range(0, plan.Lefts).Select(plan.Left).Append(plan.Leaf))
            {
                sums.Rows.Clear(row);
                sums.Rows.Bind(row);
                for (var end = Math.Min(shard + 2, shards); shard < end - 1 || (row != plan.Leaf && shard < end); shard++)
                {
                    loss(module, shard).backward();
                }
            }

            sums.LastBackward(loss(module, shard), _ => { });
            early = collective.Begun;
            sums.Finish(_ => { });
            collective.Begun = 0;
            if (turn == 0 && torn is not null)
            {
                torn(sums);
                collective.Begun = 0;
                return (sums.HostTotal.ToArray(), early);
            }
        }

        return (sums.HostTotal.ToArray(), early);
    }

    private static TorchSharp.Modules.Sequential Network()
    {
        manual_seed(7);
        return nn.Sequential(("first", nn.Linear(6, 9)), ("relu", nn.ReLU(inplace: true)), ("middle", nn.Linear(9, 11)), ("act", nn.GELU()), ("last", nn.Linear(11, 7)));
    }

    private static Tensor Input(int shard) => (arange(24, ScalarType.Float32).view(4, 6) * (shard + 1) * 0.37f).sin();

    private sealed class Nested : autograd.SingleTensorFunction<Nested>
    {
        public override string Name => nameof(Nested);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            ctx.save_for_backward([(Tensor)vars[1]]);
            return ((Tensor)vars[0]).clone();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            using var tracked = enable_grad();
            ctx.get_saved_variables()[0].pow(3).sum().backward();
            return [grad_output.clone(), null!];
        }
    }

    /// <summary>One rank that believes in a network.</summary>
    private sealed class NetworkOfOne(ShardPlan plan) : ICollective
    {
        private readonly LocalCollective local = new(plan);

        public int Begun { get; set; }

        public int Rank => 0;

        public int WorldSize => 1;

        public ShardPlan Plan => plan;

        public string Transport => "none";

        public bool IsNetworked => true;

        public CollectiveBuffer Allocate(long bytes) => local.Allocate(bytes);

        public CollectiveBuffer AllocateTotal(long bytes) => local.AllocateTotal(bytes);

        public void AllReduce<T>(ReadOnlySpan<T> partials, int stride, Span<T> total)
            where T : unmanaged, System.Numerics.INumber<T> => local.AllReduce(partials, stride, total);

        public void Begin<T>(BufferSlice partials, int stride, BufferSlice total, int elements)
            where T : unmanaged, System.Numerics.INumber<T>
        {
            Begun++;
            local.Begin<T>(partials, stride, total, elements);
        }

        public void Complete() => local.Complete();

        public byte[][] AllGather(ReadOnlySpan<byte> mine) => local.AllGather(mine);

        public void Broadcast(int root, Span<byte> bytes) => local.Broadcast(root, bytes);

        public ValueTask DisposeAsync() => local.DisposeAsync();
    }
}
