using System.Numerics;
using System.Runtime.InteropServices;
using CsCheck;

namespace Orchestrator.Collectives.Tests;

/// <summary>What every collective must do; one class per implementation runs it.</summary>
public abstract class CollectiveConformance
{
    /// <summary>Elements: none, fewer than ranks, odd, either side of where one round becomes two, several blocks.</summary>
    public static TheoryData<int> Lengths => [0, 1, 3, 17, 1000, 8191, 8192, 8193, 100_003, 700_001];

    /// <summary>The worlds that the implementation can be.</summary>
    protected abstract IReadOnlyList<int> WorldSizes { get; }

    private protected abstract Task<Gang> GangAsync(ShardPlan plan);

    [Theory]
    [MemberData(nameof(Lengths))]
    public async Task Sums_have_the_bits_of_the_tree_for_floats(int elements) => await CheckAll<float>(elements);

    [Theory]
    [InlineData(5)]
    [InlineData(4097)]
    [InlineData(100_003)]
    public async Task Sums_have_the_bits_of_the_tree_for_doubles_and_integers(int elements)
    {
        await CheckAll<double>(elements);
        await CheckAll<int>(elements);
        await CheckAll<long>(elements);
    }

    [Fact]
    public async Task Sums_have_the_bits_of_the_tree_for_any_plan()
    {
        var plans = Gen.Select(
            Gen.Int[0, WorldSizes.Count - 1].Select(index => WorldSizes[index]),
            Gen.Int[0, 4].Array[8],
            Gen.Int[0, 40_000],
            Gen.Int[0, 50],
            Gen.Int[0, 1000]);
        await plans.SampleAsync(
            async (world, counts, elements, slack, seed) =>
            {
                var plan = PlanOf(counts[..world]);
                await using var gang = await GangAsync(plan);
                Check<float>(gang, plan, elements, elements + slack, seed);
            },
            iter: 25,
            threads: 1);
    }

    [Fact]
    public async Task Many_sums_of_changing_lengths_and_types_follow_each_other()
    {
        foreach (var world in WorldSizes)
        {
            var plan = ShardPlan.Even(Math.Max(4, world), world);
            await using var gang = await GangAsync(plan);
            for (var round = 0; round < 6; round++)
            {
                Check<float>(gang, plan, 1 + (round * 9001), 1 + (round * 9001), round);
                Check<long>(gang, plan, 7, 9, round);
                Check<double>(gang, plan, 20_000 - (round * 3000), 20_000, round);
            }
        }
    }

    [Fact]
    public async Task Sums_allocate_nothing_once_warm()
    {
        var world = WorldSizes[^1];
        var plan = ShardPlan.Even(world, world);
        await using var gang = await GangAsync(plan);
        var grown = new long[world];
        gang.Each(collective =>
        {
            var partials = new float[50_000];
            var total = new float[50_000];
            for (var warm = 0; warm < 3; warm++)
            {
                collective.AllReduce<float>(partials, total.Length, total);
            }

            using var its = collective.AllocateTotal(sizeof(float) * total.Length);
            collective.AllReduce<float>(partials, total.Length, its.Span<float>(0, total.Length));
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var round = 0; round < 20; round++)
            {
                collective.AllReduce<float>(partials, total.Length, total);
                collective.AllReduce<float>(partials, total.Length, its.Span<float>(0, total.Length));
            }

            grown[collective.Rank] = GC.GetAllocatedBytesForCurrentThread() - before;
        });
        Assert.All(grown, bytes => Assert.Equal(0, bytes));
    }

    [Fact]
    public async Task Gather_gives_every_rank_the_bytes_of_all_in_rank_order()
    {
        foreach (var world in WorldSizes)
        {
            await using var gang = await GangAsync(ShardPlan.Even(world, world));
            gang.Each(collective =>
            {
                foreach (var unit in new[] { 0, 1, 300_000 })
                {
                    var gathered = collective.AllGather(Contribution(collective.Rank, unit));
                    Assert.Equal(world, gathered.Length);
                    for (var rank = 0; rank < world; rank++)
                    {
                        Assert.True(gathered[rank].AsSpan().SequenceEqual(Contribution(rank, unit)), $"rank {rank}");
                    }
                }
            });
        }

        static byte[] Contribution(int rank, int unit)
        {
            var bytes = new byte[rank * unit];
            bytes.AsSpan().Fill((byte)(rank + 1));
            return bytes;
        }
    }

    [Fact]
    public async Task Broadcast_gives_every_rank_the_bytes_of_the_root()
    {
        foreach (var world in WorldSizes)
        {
            await using var gang = await GangAsync(ShardPlan.Even(world, world));
            gang.Each(collective =>
            {
                for (var root = 0; root < world; root++)
                {
                    foreach (var length in new[] { 0, 1, 65_537, 3_000_001 })
                    {
                        var expected = new byte[length];
                        new Random(length + root).NextBytes(expected);
                        var bytes = collective.Rank == root ? expected.ToArray() : new byte[length];
                        collective.Broadcast(root, bytes);
                        Assert.True(bytes.AsSpan().SequenceEqual(expected), $"rank {collective.Rank} of {world}, {length} bytes of {root}");
                    }
                }
            });
        }
    }

    [Fact]
    public async Task Buckets_begun_one_after_the_other_have_the_bits_of_the_whole()
    {
        // The last buckets first, as backward makes them; other sums between.
        int[] bounds = [0, 5, 5, 8192, 50_000, 90_001];
        foreach (var world in WorldSizes)
        {
            var plan = ShardPlan.Even(Math.Max(world, 7), world);
            await using var gang = await GangAsync(plan);
            var gradients = new Gradients<float>(plan.Shards, bounds[^1], world);
            var expected = MemoryMarshal.AsBytes<float>(gradients.Sum()).ToArray();
            gang.Each(collective =>
            {
                var mine = gradients.Partials(plan, collective.Rank, bounds[^1]);
                using var partials = collective.Allocate(sizeof(float) * Math.Max(1, mine.Length));
                using var total = collective.Allocate(sizeof(float) * bounds[^1]);
                mine.CopyTo(partials.Span<float>(0, mine.Length));
                for (var round = 0; round < 3; round++)
                {
                    total.Span<float>(0, bounds[^1]).Clear();
                    for (var bucket = bounds.Length - 1; bucket > 0; bucket--)
                    {
                        var offset = (long)sizeof(float) * bounds[bucket - 1];
                        collective.Begin<float>(partials.At(offset), bounds[^1], total.At(offset), bounds[bucket] - bounds[bucket - 1]);
                    }

                    var loss = new double[1];
                    collective.AllReduce<double>([.. plan.OwnedNodes(collective.Rank).Select(node => (double)(node.End - node.First))], 1, loss);
                    Assert.Equal(plan.Shards, loss[0]);
                    collective.Complete();
                    Assert.True(MemoryMarshal.AsBytes(total.Span<float>(0, bounds[^1])).SequenceEqual(expected), $"rank {collective.Rank} of {world}");
                }
            });
        }
    }

    [Fact]
    public async Task Sums_in_allocated_buffers_have_the_same_bits()
    {
        foreach (var world in WorldSizes)
        {
            var plan = ShardPlan.Even(Math.Max(world, 7), world);
            await using var gang = await GangAsync(plan);
            foreach (var elements in new[] { 1, 4099, 250_007 })
            {
                var gradients = new Gradients<float>(plan.Shards, elements, elements);
                var expected = gradients.Sum();
                gang.Each(collective =>
                {
                    var mine = gradients.Partials(plan, collective.Rank, elements + 3);
                    using var partials = collective.Allocate(sizeof(float) * (mine.Length + 1));
                    using var sum = collective.Allocate(sizeof(float) * elements);
                    var rows = partials.Span<float>(1, mine.Length);
                    var total = sum.Span<float>(0, elements);
                    mine.CopyTo(rows);

                    // Either may lie in such memory or in any other.
                    var plain = new float[elements];
                    collective.AllReduce<float>(rows, elements + 3, total);
                    Assert.True(total.SequenceEqual(expected), "both");
                    total.Clear();
                    collective.AllReduce<float>(mine, elements + 3, total);
                    Assert.True(total.SequenceEqual(expected), "total");
                    collective.AllReduce<float>(rows, elements + 3, plain);
                    Assert.Equal(expected, plain);

                    // Ranks need not agree.
                    collective.AllReduce(collective.Rank % 2 == 0 ? rows : mine, elements + 3, collective.Rank % 3 == 0 ? plain : total);
                    Assert.Equal(expected, collective.Rank % 3 == 0 ? plain : total.ToArray());

                    // The caller's again: neither is read or written by a peer any more.
                    rows.Fill(float.NaN);
                    total.Fill(float.NaN);
                });
            }
        }
    }

    [Fact]
    public async Task Totals_of_the_collective_have_the_same_bits()
    {
        foreach (var world in WorldSizes)
        {
            var plan = ShardPlan.Even(Math.Max(world, 7), world);
            await using var gang = await GangAsync(plan);
            foreach (var elements in new[] { 1, 4099, 250_007 })
            {
                var (floats, doubles) = (new Gradients<float>(plan.Shards, elements, elements), new Gradients<double>(plan.Shards, elements, world));
                gang.Each(collective =>
                {
                    using var first = collective.AllocateTotal(sizeof(float) * elements);
                    using var second = collective.AllocateTotal(sizeof(double) * elements);
                    for (var round = 0; round < 2; round++)
                    {
                        collective.AllReduce<float>(floats.Partials(plan, collective.Rank, elements), elements, first.Span<float>(0, elements));
                        collective.AllReduce<double>(doubles.Partials(plan, collective.Rank, elements), elements, second.Span<double>(0, elements));
                        Assert.True(first.Span<float>(0, elements).SequenceEqual(floats.Sum()), $"floats on rank {collective.Rank} of {world}");
                        Assert.True(second.Span<double>(0, elements).SequenceEqual(doubles.Sum()), $"doubles on rank {collective.Rank} of {world}");
                    }
                });
            }
        }
    }

    [Fact]
    public async Task A_total_of_the_collective_takes_sums_into_parts_of_it()
    {
        int[] bounds = [0, 5, 5, 8192, 50_000, 90_001];
        foreach (var world in WorldSizes)
        {
            var plan = ShardPlan.Even(Math.Max(world, 7), world);
            await using var gang = await GangAsync(plan);
            var gradients = new Gradients<float>(plan.Shards, bounds[^1], world);
            gang.Each(collective =>
            {
                var mine = gradients.Partials(plan, collective.Rank, bounds[^1]);
                using var partials = collective.Allocate(sizeof(float) * Math.Max(1, mine.Length));
                using var total = collective.AllocateTotal(sizeof(float) * bounds[^1]);
                mine.CopyTo(partials.Span<float>(0, mine.Length));
                for (var bucket = bounds.Length - 1; bucket > 0; bucket--)
                {
                    var offset = (long)sizeof(float) * bounds[bucket - 1];
                    collective.Begin<float>(partials.At(offset), bounds[^1], total.At(offset), bounds[bucket] - bounds[bucket - 1]);
                }

                collective.Complete();
                Assert.True(total.Span<float>(0, bounds[^1]).SequenceEqual(gradients.Sum()), $"rank {collective.Rank} of {world}");
            });
        }
    }

    [Fact]
    public async Task A_total_stays_for_a_slow_rank_when_the_others_are_gone()
    {
        const int Elements = 100_003;
        var plan = ShardPlan.Even(WorldSizes[^1], WorldSizes[^1]);
        await using var gang = await GangAsync(plan);
        var gradients = new Gradients<float>(plan.Shards, Elements, 1);
        var totals = new CollectiveBuffer[plan.WorldSize];
        gang.Each(collective =>
        {
            var total = totals[collective.Rank] = collective.AllocateTotal(sizeof(float) * Elements);
            collective.AllReduce<float>(gradients.Partials(plan, collective.Rank, Elements), Elements, total.Span<float>(0, Elements));
        });
        foreach (var gone in gang.Ranks[..^1])
        {
            totals[gone.Rank].Dispose();
            await gone.DisposeAsync();
        }

        Assert.True(totals[^1].Span<float>(0, Elements).SequenceEqual(gradients.Sum()));
        await gang.DisposeAsync();
        Assert.True(totals[^1].Span<float>(0, Elements).SequenceEqual(gradients.Sum()));
        totals[^1].Dispose();
    }

    [Fact]
    public async Task Buffers_outlive_their_collective()
    {
        var gang = await GangAsync(ShardPlan.Even(WorldSizes[^1], WorldSizes[^1]));
        var buffers = gang.Ranks.Select(collective => collective.Allocate(10_000)).ToArray();
        await gang.DisposeAsync();
        foreach (var buffer in buffers)
        {
            buffer.Span<byte>(0, 10_000).Fill(7);
            buffer.Dispose();
        }
    }

    [Fact]
    public async Task Buckets_outside_their_buffers_are_refused_and_nothing_is_begun()
    {
        await using var gang = await GangAsync(ShardPlan.Even(WorldSizes[^1], WorldSizes[^1]));
        gang.Each(collective =>
        {
            using var buffer = collective.Allocate(40);
            using var total = collective.Allocate(40);
            Assert.ThrowsAny<ArgumentException>(() => collective.Begin<float>(buffer.At(4), 10, total.At(0), 10));
            Assert.ThrowsAny<ArgumentException>(() => collective.Begin<float>(buffer.At(0), 10, total.At(4), 10));
            Assert.ThrowsAny<ArgumentException>(() => collective.Begin<float>(buffer.At(0), 9, total.At(0), 10));
            collective.Begin<float>(buffer.At(0), 10, total.At(0), 10);
            collective.Complete();
        });
    }

    [Fact]
    public async Task Rows_that_do_not_fit_their_span_are_refused_before_anything_is_sent()
    {
        var plan = ShardPlan.Even(WorldSizes[^1], WorldSizes[^1]);
        await using var gang = await GangAsync(plan);
        Assert.All(
            gang.Failures(collective => collective.AllReduce<float>(new float[9], 10, new float[10])),
            failure => Assert.IsType<ArgumentException>(failure));
        Assert.All(
            gang.Failures(collective => collective.AllReduce<float>(new float[90], 9, new float[10])),
            failure => Assert.IsType<ArgumentOutOfRangeException>(failure));
        Check<float>(gang, plan, 10, 10, 1);
    }

    [Fact]
    public async Task Types_that_have_no_sum_are_refused()
    {
        await using var gang = await GangAsync(ShardPlan.Even(WorldSizes[0], WorldSizes[0]));
        var refused = Record.Exception(() => gang.Ranks[0].AllReduce<byte>(new byte[1], 1, new byte[1]));
        Assert.IsType<NotSupportedException>(refused?.InnerException ?? refused);
    }

    internal static void Check<T>(Gang gang, ShardPlan plan, int elements, int stride, int seed)
        where T : unmanaged, INumber<T>
    {
        var gradients = new Gradients<T>(plan.Shards, elements, seed);
        var expected = MemoryMarshal.AsBytes<T>(gradients.Sum()).ToArray();
        gang.Each(collective =>
        {
            var partials = gradients.Partials(plan, collective.Rank, stride);
            var untouched = partials.ToArray();

            // With a guard behind the total.
            var total = new T[elements + 1];
            total[elements] = T.CreateTruncating(99);
            collective.AllReduce<T>(partials, stride, total.AsSpan(0, elements));
            Assert.True(
                MemoryMarshal.AsBytes(total.AsSpan(0, elements)).SequenceEqual(expected),
                $"rank {collective.Rank} of {plan.WorldSize} has other bits");
            Assert.Equal(T.CreateTruncating(99), total[elements]);
            Assert.Equal(untouched, partials);
        });
    }

    /// <summary>Ranges of these sizes; one shard where all are empty.</summary>
    private static ShardPlan PlanOf(int[] counts)
    {
        var ranges = new ShardRange[counts.Length];
        var end = 0;
        for (var rank = 0; rank < counts.Length; rank++)
        {
            var count = rank == counts.Length - 1 && end == 0 && counts[rank] == 0 ? 1 : counts[rank];
            ranges[rank] = new ShardRange(end, end + count);
            end += count;
        }

        return new ShardPlan(ranges);
    }

    private async Task CheckAll<T>(int elements)
        where T : unmanaged, INumber<T>
    {
        foreach (var world in WorldSizes)
        {
            // Seven shards do not divide by anything: aligned and unaligned ranges, one to three rows a rank.
            foreach (var shards in new[] { world, Math.Max(world, 7) }.Distinct())
            {
                var plan = ShardPlan.Even(shards, world);
                await using var gang = await GangAsync(plan);
                Check<T>(gang, plan, elements, elements, seed: world);
                Check<T>(gang, plan, elements, elements + 13, seed: world + 1);
            }
        }
    }
}

public sealed class LocalCollectiveTests : CollectiveConformance
{
    protected override IReadOnlyList<int> WorldSizes => [1];

    private protected override Task<Gang> GangAsync(ShardPlan plan) => Task.FromResult(Gang.Of(new LocalCollective(plan)));
}

public sealed class TcpCollectiveTests : CollectiveConformance
{
    protected override IReadOnlyList<int> WorldSizes => [1, 2, 3, 4, 5, 8];

    private protected override Task<Gang> GangAsync(ShardPlan plan) => Gang.TcpAsync(plan);
}

public sealed class SharedMemoryCollectiveTests : CollectiveConformance
{
    protected override IReadOnlyList<int> WorldSizes => [2, 3, 4, 5, 8];

    private protected override async Task<Gang> GangAsync(ShardPlan plan)
    {
        // Half of the worlds read rows where they lie, however few they are.
        var gang = await Gang.ConnectAsync(plan, Gang.Patient with { CachedBytes = plan.WorldSize % 2 == 0 ? 0 : 12 << 20 });
        Assert.All(gang.Ranks, collective => Assert.Equal("shared memory", collective.Transport));
        return gang;
    }
}

/// <summary>Two or three hosts, of one, two or three ranks, side by side and mixed.</summary>
public sealed class MixedCollectiveTests : CollectiveConformance
{
    private static readonly string[] Hosts = ["a", "a", "b", "b", "a", "c", "b", "c"];

    protected override IReadOnlyList<int> WorldSizes => [3, 4, 5, 7, 8];

    private protected override async Task<Gang> GangAsync(ShardPlan plan)
    {
        var gang = await Gang.ConnectAsync(plan, host: rank => Hosts[rank]);
        Assert.All(gang.Ranks, collective => Assert.StartsWith("shared memory and tcp", collective.Transport, StringComparison.Ordinal));
        return gang;
    }
}
