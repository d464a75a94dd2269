namespace Orchestrator.Data.Sampling;

/// <summary>What a random stream is for; streams of the same seed are independent. Values are part of what decides the bits: never
/// renumber.</summary>
public enum RandomStream : ulong
{
    /// <summary>Which rows become validation and test; a: the row.</summary>
    Split = 1,

    /// <summary>The epoch's order; a: the epoch.</summary>
    Order = 2,

    /// <summary>Per-sample augmentation; a: the epoch, b: the position.</summary>
    Augmentation = 3,

    /// <summary>The model's first weights.</summary>
    Weights = 4,

    /// <summary>What happens inside a shard (dropout, mixing samples); a: the step, b: the shard.</summary>
    Shard = 5,

    /// <summary>Evaluation; a: the batch.</summary>
    Evaluation = 6,
}

/// <summary>
/// Counter-based random numbers: Philox4x64-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011). The
/// key is (seed, stream),
/// the counter (block, a, b, 0): any stream can be entered anywhere, at no cost, with the same numbers on every machine.
/// </summary>
public struct CounterRandom
{
    private readonly ulong seed;
    private readonly ulong stream;
    private readonly ulong a;
    private readonly ulong b;
    private ulong block;
    private int left;
    private (ulong X0, ulong X1, ulong X2, ulong X3) ready;

    public CounterRandom(long seed, RandomStream stream, long a = 0, long b = 0)
    {
        this.seed = (ulong)seed;
        this.stream = (ulong)stream;
        this.a = (ulong)a;
        this.b = (ulong)b;
    }

    /// <summary>Uniform over all 64-bit values.</summary>
    public ulong NextUInt64()
    {
        if (left == 0)
        {
            ready = Block((block++, a, b, 0), seed, stream);
            left = 4;
        }

        return left-- switch
        {
            4 => ready.X0,
            3 => ready.X1,
            2 => ready.X2,
            _ => ready.X3,
        };
    }

    /// <summary>Uniform over [0, 1), a multiple of 2^-53.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform over [0, <paramref name="bound"/>), without bias (Lemire 2019).</summary>
    public int NextInt(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        return (int)NextBelow((ulong)bound);
    }

    /// <summary>Uniform over [0, <paramref name="bound"/>), without bias.</summary>
    public ulong NextBelow(ulong bound)
    {
        ArgumentOutOfRangeException.ThrowIfZero(bound);
        var high = Math.BigMul(NextUInt64(), bound, out var low);
        if (low < bound)
        {
            var refused = unchecked(0 - bound) % bound;
            while (low < refused)
            {
                high = Math.BigMul(NextUInt64(), bound, out low);
            }
        }

        return high;
    }

    internal static (ulong X0, ulong X1, ulong X2, ulong X3) Block((ulong X0, ulong X1, ulong X2, ulong X3) counter, ulong key0, ulong key1)
    {
        for (var round = 0; round < 10; round++)
        {
            var high0 = Math.BigMul(0xD2E7470EE14C6C93, counter.X0, out var low0);
            var high1 = Math.BigMul(0xCA5A826395121157, counter.X2, out var low1);
            counter = (high1 ^ counter.X1 ^ key0, low1, high0 ^ counter.X3 ^ key1, low0);
            key0 = unchecked(key0 + 0x9E3779B97F4A7C15);
            key1 = unchecked(key1 + 0xBB67AE8584CAA73B);
        }

        return counter;
    }
}
