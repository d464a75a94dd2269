using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Orchestrator.Search;

/// <summary>
/// Vector arithmetic whose bits do not depend on the machine. Sums run in eight lanes whatever the width of its registers, multiplications and additions are
/// never fused, and the exponential is a polynomial. (<c>TensorPrimitives</c> sums in as many lanes as the processor has.)
/// </summary>
internal static class Lanes
{
    /// <summary>Of spans of one length.</summary>
    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var (low, high) = (Vector256<double>.Zero, Vector256<double>.Zero);
        ref var x = ref MemoryMarshal.GetReference(a);
        ref var y = ref MemoryMarshal.GetReference(b[..a.Length]);
        var i = 0;
        for (; i <= a.Length - 8; i += 8)
        {
            low += Vector256.LoadUnsafe(ref x, (nuint)i) * Vector256.LoadUnsafe(ref y, (nuint)i);
            high += Vector256.LoadUnsafe(ref x, (nuint)i + 4) * Vector256.LoadUnsafe(ref y, (nuint)i + 4);
        }

        var rest = 0.0;
        for (; i < a.Length; i++)
        {
            rest += a[i] * b[i];
        }

        return Across(low + high) + rest;
    }

    public static double Sum(ReadOnlySpan<double> a)
    {
        var (low, high) = (Vector256<double>.Zero, Vector256<double>.Zero);
        ref var x = ref MemoryMarshal.GetReference(a);
        var i = 0;
        for (; i <= a.Length - 8; i += 8)
        {
            low += Vector256.LoadUnsafe(ref x, (nuint)i);
            high += Vector256.LoadUnsafe(ref x, (nuint)i + 4);
        }

        var rest = 0.0;
        for (; i < a.Length; i++)
        {
            rest += a[i];
        }

        return Across(low + high) + rest;
    }

    /// <summary>target += scale * source.</summary>
    public static void AddScaled(double scale, ReadOnlySpan<double> source, Span<double> target)
    {
        var scales = Vector256.Create(scale);
        ref var x = ref MemoryMarshal.GetReference(source[..target.Length]);
        ref var y = ref MemoryMarshal.GetReference(target);
        var i = 0;
        for (; i <= target.Length - 4; i += 4)
        {
            (Vector256.LoadUnsafe(ref y, (nuint)i) + (scales * Vector256.LoadUnsafe(ref x, (nuint)i))).StoreUnsafe(ref y, (nuint)i);
        }

        for (; i < target.Length; i++)
        {
            target[i] += scale * source[i];
        }
    }

    /// <summary>target += scale * (source - centre) * (source - centre).</summary>
    public static void AddSquares(double centre, double scale, ReadOnlySpan<double> source, Span<double> target)
    {
        var (centres, scales) = (Vector256.Create(centre), Vector256.Create(scale));
        ref var x = ref MemoryMarshal.GetReference(source[..target.Length]);
        ref var y = ref MemoryMarshal.GetReference(target);
        var i = 0;
        for (; i <= target.Length - 4; i += 4)
        {
            var away = Vector256.LoadUnsafe(ref x, (nuint)i) - centres;
            (Vector256.LoadUnsafe(ref y, (nuint)i) + (scales * away * away)).StoreUnsafe(ref y, (nuint)i);
        }

        for (; i < target.Length; i++)
        {
            var away = source[i] - centre;
            target[i] += scale * away * away;
        }
    }

    /// <summary>The sum of weights * (source - centre) * (source - centre).</summary>
    public static double DotSquares(double centre, ReadOnlySpan<double> source, ReadOnlySpan<double> weights)
    {
        var centres = Vector256.Create(centre);
        var (low, high) = (Vector256<double>.Zero, Vector256<double>.Zero);
        ref var x = ref MemoryMarshal.GetReference(source);
        ref var w = ref MemoryMarshal.GetReference(weights[..source.Length]);
        var i = 0;
        for (; i <= source.Length - 8; i += 8)
        {
            var (a, b) = (Vector256.LoadUnsafe(ref x, (nuint)i) - centres, Vector256.LoadUnsafe(ref x, (nuint)i + 4) - centres);
            low += Vector256.LoadUnsafe(ref w, (nuint)i) * a * a;
            high += Vector256.LoadUnsafe(ref w, (nuint)i + 4) * b * b;
        }

        var rest = 0.0;
        for (; i < source.Length; i++)
        {
            rest += weights[i] * (source[i] - centre) * (source[i] - centre);
        }

        return Across(low + high) + rest;
    }

    /// <summary>values = exp(values - shift), in place; below -700 it is 0. Accurate to a few units in the last place up to 700.</summary>
    public static void Exp(Span<double> values, double shift = 0)
    {
        var shifts = Vector256.Create(shift);
        ref var x = ref MemoryMarshal.GetReference(values);
        var i = 0;
        for (; i <= values.Length - 4; i += 4)
        {
            Exp(Vector256.LoadUnsafe(ref x, (nuint)i) - shifts).StoreUnsafe(ref x, (nuint)i);
        }

        for (; i < values.Length; i++)
        {
            values[i] = Exp(Vector256.Create(values[i] - shift)).ToScalar();
        }
    }

    /// <summary>log of the sum of exp(values); destroys the values.</summary>
    public static double LogSumExp(Span<double> values)
    {
        var highest = double.NegativeInfinity;
        foreach (var value in values)
        {
            highest = Math.Max(highest, value);
        }

        if (double.IsNegativeInfinity(highest))
        {
            return highest;
        }

        Exp(values, highest);
        return highest + Exact.Log(Sum(values));
    }

    /// <summary>
    /// log of the sum of exp(values) and of exp(further), a finite number. Where all four of a vector lie so far below the highest that they say nothing (a
    /// share of 4e-18), they are passed over.
    /// </summary>
    /// <param name="values">A multiple of eight of them.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double LogSumExp(ReadOnlySpan<double> values, double further)
    {
        const double nothing = -40;
        ref var x = ref MemoryMarshal.GetReference(values);
        var highests = Vector256.Create(further);
        for (var i = 0; i < values.Length; i += 4)
        {
            highests = Vector256.Max(highests, Vector256.LoadUnsafe(ref x, (nuint)i));
        }

        var highest = Math.Max(Math.Max(highests.GetElement(0), highests.GetElement(1)), Math.Max(highests.GetElement(2), highests.GetElement(3)));
        var (shift, least) = (Vector256.Create(highest), Vector256.Create(nothing));
        var (low, high) = (Vector256<double>.Zero, Vector256<double>.Zero);
        for (var i = 0; i < values.Length; i += 8)
        {
            var (a, b) = (Vector256.LoadUnsafe(ref x, (nuint)i) - shift, Vector256.LoadUnsafe(ref x, (nuint)i + 4) - shift);
            low += Vector256.GreaterThanAny(a, least) ? Exp(a) : Vector256<double>.Zero;
            high += Vector256.GreaterThanAny(b, least) ? Exp(b) : Vector256<double>.Zero;
        }

        return highest + Exact.Log(Across(low + high) + Exact.Exp(further - highest));
    }

    /// <summary>Below -700 it is 0, above 700 as at 700.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Exp(Vector256<double> x)
    {
        const double ln2High = 6.93147180369123816490e-01;
        const double ln2Low = 1.90821492927058770002e-10;

        // Adding and taking away 1.5 * 2^52 rounds to a whole number, which then stands in the low bits.
        var magic = Vector256.Create(6755399441055744.0);
        var clamped = Vector256.Min(Vector256.Max(x, Vector256.Create(-700.0)), Vector256.Create(700.0));
        var shifted = (clamped * Vector256.Create(1.44269504088896340736)) + magic;
        var k = shifted - magic;
        var r = clamped - (k * Vector256.Create(ln2High)) - (k * Vector256.Create(ln2Low));

        // |r| <= 0.347: thirteen terms of the series leave less than 1e-17.
        var sum = Vector256.Create(1.0 / 6227020800);
        sum = (sum * r) + Vector256.Create(1.0 / 479001600);
        sum = (sum * r) + Vector256.Create(1.0 / 39916800);
        sum = (sum * r) + Vector256.Create(1.0 / 3628800);
        sum = (sum * r) + Vector256.Create(1.0 / 362880);
        sum = (sum * r) + Vector256.Create(1.0 / 40320);
        sum = (sum * r) + Vector256.Create(1.0 / 5040);
        sum = (sum * r) + Vector256.Create(1.0 / 720);
        sum = (sum * r) + Vector256.Create(1.0 / 120);
        sum = (sum * r) + Vector256.Create(1.0 / 24);
        sum = (sum * r) + Vector256.Create(1.0 / 6);
        sum = (sum * r) + Vector256.Create(0.5);
        sum = (sum * r) + Vector256<double>.One;
        sum = (sum * r) + Vector256<double>.One;
        var power = ((shifted.AsInt64() + Vector256.Create(1023L)) << 52).AsDouble();
        return Vector256.ConditionalSelect(Vector256.LessThan(x, Vector256.Create(-700.0)), Vector256<double>.Zero, sum * power);
    }

    /// <summary>The four lanes, always in this order.</summary>
    private static double Across(Vector256<double> lanes) => lanes.GetElement(0) + lanes.GetElement(1) + (lanes.GetElement(2) + lanes.GetElement(3));
}
