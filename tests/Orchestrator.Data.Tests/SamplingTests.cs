using CsCheck;
using Orchestrator.Data.Sampling;

namespace Orchestrator.Data.Tests;

public sealed class SamplingTests
{
    /// <summary>The known answers of the Random123 distribution for philox4x64-10.</summary>
    [Fact]
    public void Philox_gives_the_published_answers()
    {
        Assert.Equal(
            (0x16554d9eca36314cUL, 0xdb20fe9d672d0fdcUL, 0xd7e772cee186176bUL, 0x7e68b68aec7ba23bUL),
            CounterRandom.Block((0, 0, 0, 0), 0, 0));
        Assert.Equal(
            (0x87b092c3013fe90bUL, 0x438c3c67be8d0224UL, 0x9cc7d7c69cd777b6UL, 0xa09caebf594f0ba0UL),
            CounterRandom.Block((ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, ulong.MaxValue), ulong.MaxValue, ulong.MaxValue));
        Assert.Equal(
            (0xa528f45403e61d95UL, 0x38c72dbd566e9788UL, 0xa5a1610e72fd18b5UL, 0x57bd43b5e52b7fe6UL),
            CounterRandom.Block(
                (0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89), 0x452821e638d01377, 0xbe5466cf34e90c6c));
    }

    [Fact]
    public void A_stream_is_the_blocks_of_its_key_one_after_the_other()
    {
        var random = new CounterRandom(7, RandomStream.Augmentation, 3, 5);
        foreach (var block in new ulong[] { 0, 1 })
        {
            var (x0, x1, x2, x3) = CounterRandom.Block((block, 3, 5, 0), 7, (ulong)RandomStream.Augmentation);
            Assert.Equal([x0, x1, x2, x3], [random.NextUInt64(), random.NextUInt64(), random.NextUInt64(), random.NextUInt64()]);
        }
    }

    [Fact]
    public void Streams_of_other_seeds_purposes_epochs_and_positions_differ()
    {
        CounterRandom[] streams =
        [
            new(1, RandomStream.Order),
            new(2, RandomStream.Order),
            new(1, RandomStream.Split),
            new(1, RandomStream.Order, 1),
            new(1, RandomStream.Order, 0, 1),
            new(-1, RandomStream.Order),
        ];
        Assert.Equal(streams.Length, streams.Select(stream => stream.NextUInt64()).Distinct().Count());
    }

    [Fact]
    public void Bounded_numbers_stay_in_bounds_and_reach_every_value() =>
        Gen.Select(Gen.Int[1, 20], Gen.Long).Sample((bound, seed) =>
        {
            var random = new CounterRandom(seed, RandomStream.Shard);
            var counts = new int[bound];
            for (var draw = 0; draw < 200 * bound; draw++)
            {
                counts[random.NextInt(bound)]++;
                Assert.InRange(random.NextDouble(), 0, 1 - (1.0 / (1UL << 53)));
            }

            // 200 are due; nine standard deviations.
            Assert.All(counts, count => Assert.InRange(count, 73, 327));
        });

    [Fact]
    public void A_permutation_meets_every_index_once() =>
        Gen.Select(Gen.Long[0, 5000], Gen.Long, Gen.Long[0, 1000]).Sample((count, seed, epoch) =>
        {
            var permutation = new KeyedPermutation(count, seed, epoch);
            var met = new bool[count];
            for (var index = 0L; index < count; index++)
            {
                var value = permutation[index];
                Assert.False(met[value]);
                met[value] = true;
            }
        });

    [Fact]
    public void The_first_small_permutations_meet_every_index_once()
    {
        for (var count = 0L; count <= 70; count++)
        {
            var permutation = new KeyedPermutation(count, 7, 1);
            Assert.Equal(Range(count), Range(count).Select(index => permutation[index]).Order());
        }

        static IEnumerable<long> Range(long count) => Enumerable.Range(0, (int)count).Select(index => (long)index);
    }

    [Fact]
    public void A_permutation_of_billions_stays_in_range_and_costs_no_memory()
    {
        foreach (var count in new[] { 3_000_000_007L, (1L << 40) + 1, long.MaxValue })
        {
            var permutation = new KeyedPermutation(count, 1, 1);
            var values = Enumerable.Range(0, 1000).Select(index => permutation[count - 1 - index]).ToArray();
            Assert.Equal(1000, values.Distinct().Count());
            Assert.All(values, value => Assert.InRange(value, 0, count - 1));
        }
    }

    [Fact]
    public void Orders_of_other_seeds_and_epochs_share_hardly_a_place()
    {
        var orders = new[] { (7L, 0L), (7L, 1L), (8L, 0L) }.Select(key => new KeyedPermutation(10_000, key.Item1, key.Item2)).ToArray();
        foreach (var (a, b) in new[] { (0, 1), (0, 2), (1, 2) })
        {
            // One place in common is due.
            Assert.InRange(Enumerable.Range(0, 10_000).Count(index => orders[a][index] == orders[b][index]), 0, 12);
        }
    }

    [Fact]
    public void Every_value_comes_first_about_as_often()
    {
        var counts = new int[5];
        for (var epoch = 0; epoch < 5000; epoch++)
        {
            counts[new KeyedPermutation(5, 7, epoch)[0]]++;
        }

        Assert.All(counts, count => Assert.InRange(count, 800, 1200));
    }

    /// <summary>Part of what decides the bits: a change here changes every trained weight.</summary>
    [Fact]
    public void The_order_of_a_seed_is_pinned()
    {
        var permutation = new KeyedPermutation(1000, 7, 2);
        Assert.Equal(Golden.Order, Enumerable.Range(0, 10).Select(index => permutation[index]));
    }

    [Fact]
    public void Every_sample_is_in_exactly_one_shard_of_one_step() =>
        Gen.Select(Gen.Long[0, 3000], Gen.Int[1, 200], Gen.Int[1, 9]).Sample((samples, batch, shards) =>
        {
            var plan = new EpochPlan(samples, batch, shards);
            Assert.Equal((samples + batch - 1) / batch, plan.Steps);
            var next = 0L;
            for (var step = 0L; step < plan.Steps; step++)
            {
                var whole = plan.Step(step);
                Assert.Equal(next, whole.First);
                Assert.InRange(whole.Count, plan.GreatestStep - 1, plan.GreatestStep);
                Assert.InRange(whole.Count, 1, batch);
                for (var shard = 0; shard < shards; shard++)
                {
                    var range = plan.Shard(step, shard);
                    Assert.Equal(next, range.First);
                    Assert.InRange(range.Count, whole.Count / shards, (whole.Count + shards - 1) / shards);
                    Assert.InRange(range.Count, 0, plan.GreatestShard);
                    next = range.End;
                }

                Assert.Equal(whole.End, next);
            }

            Assert.Equal(samples, next);
        });

    [Fact]
    public void A_ragged_end_is_spread_over_all_steps()
    {
        var plan = new EpochPlan(10, 4, 2);
        Assert.Equal([3, 3, 4], Enumerable.Range(0, 3).Select(step => plan.Step(step).Count));
        Assert.Equal([new PositionRange(6, 8), new PositionRange(8, 10)], [plan.Shard(2, 0), plan.Shard(2, 1)]);
        Assert.Throws<ArgumentOutOfRangeException>(() => plan.Step(3));
        var large = new EpochPlan(long.MaxValue / 2, int.MaxValue, 4);
        Assert.Equal(long.MaxValue / 2, large.Step(large.Steps - 1).End);
    }
}
