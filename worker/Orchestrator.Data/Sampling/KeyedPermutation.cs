using System.Numerics;

namespace Orchestrator.Data.Sampling;

/// <summary>
/// A permutation of [0, Count) that is computed per index and stored nowhere: a balanced Feistel network over the next even number of
/// bits, walked until it lands in
/// the range (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002). Integers only: the same on every machine.
/// </summary>
public sealed class KeyedPermutation
{
    private const int Rounds = 10;

    private readonly ulong[] keys = new ulong[Rounds];
    private readonly int halfBits;
    private readonly ulong halfMask;

    /// <param name="count">Indices; 0 is an empty permutation.</param>
    public KeyedPermutation(long count, long seed, long epoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        Count = count;
        var bits = count <= 1 ? 1 : 64 - BitOperations.LeadingZeroCount((ulong)count - 1);
        halfBits = (bits + 1) / 2;
        halfMask = (1UL << halfBits) - 1;
        var random = new CounterRandom(seed, RandomStream.Order, epoch);
        for (var round = 0; round < Rounds; round++)
        {
            keys[round] = random.NextUInt64();
        }
    }

    public long Count { get; }

    /// <summary>Where the index is sent: each value of [0, Count) once.</summary>
    public long this[long index]
    {
        get
        {
            if ((ulong)index >= (ulong)Count)
            {
                throw new ArgumentOutOfRangeException(nameof(index));
            }

            // The domain is at most four times the range, so a walk is short: under four turns on average.
            var value = (ulong)index;
            do
            {
                value = Encrypt(value);
            }
            while (value >= (ulong)Count);

            return (long)value;
        }
    }

    private ulong Encrypt(ulong value)
    {
        var left = value >> halfBits;
        var right = value & halfMask;
        foreach (var key in keys)
        {
            (left, right) = (right, left ^ (Mix(right ^ key) & halfMask));
        }

        return (left << halfBits) | right;
    }

    /// <summary>The finaliser of SplitMix64 (Steele, Lea, Flood 2014), with the high bits folded down.</summary>
    private static ulong Mix(ulong x)
    {
        unchecked
        {
            x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
            x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
            return x ^ (x >> 31);
        }
    }
}
