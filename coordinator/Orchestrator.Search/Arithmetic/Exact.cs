using System.Globalization;

namespace Orchestrator.Search;

/// <summary>
/// Logarithm and exponential out of + - * / alone. <c>Math.Exp</c> and <c>Math.Log</c> come from the operating system and differ in the last bit from one to
/// another; these give the same bits everywhere, which is what a search that must repeat needs. Accurate to a few units in the last place.
/// </summary>
public static class Exact
{
    private const double Ln2High = 6.93147180369123816490e-01;
    private const double Ln2Low = 1.90821492927058770002e-10;
    private const double SqrtHalf = 0.70710678118654752440;

    /// <param name="x">Positive and finite.</param>
    /// <exception cref="ArgumentOutOfRangeException">Zero, negative or not finite.</exception>
    public static double Log(double x)
    {
        if (!(x > 0) || double.IsInfinity(x))
        {
            throw new ArgumentOutOfRangeException(nameof(x), x, "The logarithm takes a positive, finite number.");
        }

        var scale = 0;
        if (!double.IsNormal(x))
        {
            x *= 1L << 54;
            scale = -54;
        }

        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = (int)((bits >> 52) & 0x7FF) - 1022 + scale;
        var mantissa = BitConverter.Int64BitsToDouble((bits & 0x000FFFFFFFFFFFFF) | 0x3FE0000000000000);
        if (mantissa < SqrtHalf)
        {
            mantissa *= 2;
            exponent--;
        }

        // log m = 2 artanh((m - 1) / (m + 1)), |s| < 0.172: twelve terms leave less than 1e-19.
        var s = (mantissa - 1) / (mantissa + 1);
        var square = s * s;
        var sum = 0.0;
        for (var k = 23; k >= 3; k -= 2)
        {
            sum = (sum + (1.0 / k)) * square;
        }

        return (exponent * Ln2High) + ((exponent * Ln2Low) + (2 * s * sum) + (2 * s));
    }

    /// <summary>0 and infinity beyond the range of a double.</summary>
    public static double Exp(double x)
    {
        if (double.IsNaN(x))
        {
            return x;
        }

        if (x > 709.79)
        {
            return double.PositiveInfinity;
        }

        if (x < -745.2)
        {
            return 0;
        }

        var k = (int)Math.Round(x / (Ln2High + Ln2Low));
        var r = (x - (k * Ln2High)) - (k * Ln2Low);

        // |r| <= 0.347: fifteen terms of the series leave less than 1e-19.
        var sum = 1.0;
        for (var n = 15; n >= 1; n--)
        {
            sum = 1 + (sum * r / n);
        }

        // In two halves, so that neither power of two leaves the range of normal numbers.
        var half = k / 2;
        return sum * PowerOfTwo(half) * PowerOfTwo(k - half);
    }

    /// <summary>The nearest number of 12 significant decimal digits: what two roundings of the same value agree on, and what a person can read.</summary>
    public static double Round(double x) =>
        double.IsFinite(x) ? double.Parse(x.ToString("E11", CultureInfo.InvariantCulture), NumberStyles.Float, CultureInfo.InvariantCulture) : x;

    private static double PowerOfTwo(int exponent) => BitConverter.Int64BitsToDouble((long)(exponent + 1023) << 52);
}
