namespace Orchestrator.Search;

/// <summary>
/// Sobol's quasi-random sequence (1967): any 2^m points from a multiple of 2^m on lie evenly, one in each slice of every dimension. Scrambled as Owen does
/// ("Randomly permuted (t,m,s)-nets and (t,s)-sequences", 1995): each digit is flipped or not by a coin that belongs to the digits before it, which leaves the
/// evenness and takes away what the plain sequence's points have in common. The coins are keyed by the seed, so nothing is stored.
/// </summary>
public static class SobolSequence
{
    /// <summary>Sets the draws apart from those that samplers make themselves.</summary>
    private const long CoinSalt = 0x534F424F4C;

    /// <summary>Dimensions beyond have no direction numbers; samplers draw them at random.</summary>
    public static int MostDimensions => DirectionNumbers.Vectors.Length;

    /// <summary>A digit group of the plain sequence, as a 32-bit fraction; the index runs in Gray code.</summary>
    /// <param name="dimension">From 0, below <see cref="MostDimensions"/>.</param>
    public static uint Plain(uint index, int dimension)
    {
        var vectors = DirectionNumbers.Vectors[dimension];
        var gray = index ^ (index >> 1);
        var digits = 0u;
        for (var bit = 0; gray != 0; bit++, gray >>= 1)
        {
            if ((gray & 1) == 1)
            {
                digits ^= vectors[bit];
            }
        }

        return digits;
    }

    /// <summary>The scrambled sequence, in [0, 1); at random in dimensions beyond the table's.</summary>
    public static double Scrambled(long seed, uint index, int dimension)
    {
        if (dimension >= MostDimensions)
        {
            return Draws.Unit(seed ^ CoinSalt, index, dimension);
        }

        var digits = Plain(index, dimension);
        var scrambled = 0u;
        for (var depth = 0; depth < DirectionNumbers.Bits; depth++)
        {
            // A leading one tells 0 from 00 and 000.
            var node = (1UL << depth) | (depth == 0 ? 0 : digits >> (DirectionNumbers.Bits - depth));
            var coin = (uint)(Draws.Bits(seed ^ CoinSalt, (long)node, dimension) & 1);
            scrambled = (scrambled << 1) | (((digits >> (DirectionNumbers.Bits - 1 - depth)) & 1) ^ coin);
        }

        // The digits that the sequence does not have are drawn: 53 in all.
        var rest = (uint)(Draws.Bits(seed ^ CoinSalt, index, dimension, 1) >> 43);
        return ((scrambled * (double)(1 << 21)) + rest) * (1.0 / (1L << 53));
    }
}
