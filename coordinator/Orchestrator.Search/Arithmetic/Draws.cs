namespace Orchestrator.Search;

/// <summary>
/// A counter-based random generator: a draw is a function of (seed, trial, dimension, counter) and of nothing that was drawn before, so a suggestion can be
/// computed again, alone, at any time. The mixing is SplitMix64's finaliser (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
/// </summary>
public static class Draws
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;

    /// <summary>64 even bits.</summary>
    /// <param name="seed">The sweep's.</param>
    /// <param name="trial">From 0.</param>
    /// <param name="dimension">The parameter's place in the space.</param>
    /// <param name="counter">For further draws at the same place.</param>
    public static ulong Bits(long seed, long trial, long dimension, long counter = 0)
    {
        unchecked
        {
            var key = Mix((ulong)seed + GoldenGamma);
            key = Mix(key ^ (((ulong)trial + 1) * GoldenGamma));
            key = Mix(key ^ (((ulong)dimension + 1) * 0xD1B54A32D192ED03));
            return Mix(key ^ (((ulong)counter + 1) * 0x8CB92BA72F3D8DD7));
        }
    }

    /// <summary>Even in [0, 1), on a grid of 2^-53.</summary>
    public static double Unit(long seed, long trial, long dimension, long counter = 0) => (Bits(seed, trial, dimension, counter) >> 11) * (1.0 / (1L << 53));

    private static ulong Mix(ulong value)
    {
        unchecked
        {
            value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
            value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
            return value ^ (value >> 31);
        }
    }
}
