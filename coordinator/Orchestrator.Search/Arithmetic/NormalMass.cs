using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Orchestrator.Search;

/// <summary>How much of a normal distribution lies below and inside the unit interval, for four centres at once: what cutting a kernel at the cube's ends takes.</summary>
internal static class NormalMass
{
    /// <summary>Beyond this the tail is below 1e-12 and counts as that.</summary>
    private const double Farthest = 7;

    /// <summary>The shares of the distribution around each centre that lie below 0 and in [0, 1].</summary>
    /// <param name="centres">In [0, 1].</param>
    /// <param name="inverse">1 over the standard deviation.</param>
    public static (Vector256<double> Below, Vector256<double> Inside) Of(Vector256<double> centres, Vector256<double> inverse)
    {
        var distance = centres * inverse;
        var below = Tail(distance);
        return (below, Vector256<double>.One - below - Tail(inverse - distance));
    }

    /// <summary>The share in [0, 1] alone, within 6e-7, at a fifth of the cost: no exponential (Abramowitz and Stegun, "Handbook of mathematical functions", 1964, 7.1.28).</summary>
    /// <param name="low">From 0 to the centres, at least 0, in units of √2 standard deviations.</param>
    /// <param name="high">From the centres to 1, likewise.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Inside(Vector256<double> low, Vector256<double> high)
    {
        // erfc(x) is 1 over the sixteenth power; half of two of them is what lies outside.
        var (below, above) = (Root(low), Root(high));
        below *= below;
        above *= above;
        below *= below;
        above *= above;
        below *= below;
        above *= above;
        below *= below;
        above *= above;
        return Vector256<double>.One - (Vector256.Create(0.5) * (below + above) / (below * above));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Root(Vector256<double> x)
    {
        // Beyond this the tail is 0 to the accuracy there is; a power of more would leave a double's range.
        x = Vector256.Min(x, Vector256.Create(Farthest));
        var sum = Vector256.Create(0.0000430638);
        sum = (sum * x) + Vector256.Create(0.0002765672);
        sum = (sum * x) + Vector256.Create(0.0001520143);
        sum = (sum * x) + Vector256.Create(0.0092705272);
        sum = (sum * x) + Vector256.Create(0.0422820123);
        sum = (sum * x) + Vector256.Create(0.0705230784);
        return (sum * x) + Vector256<double>.One;
    }

    /// <summary>The probability beyond x, at least 0; the middle range of <see cref="Normal.Cdf"/>.</summary>
    private static Vector256<double> Tail(Vector256<double> x)
    {
        x = Vector256.Min(x, Vector256.Create(Farthest));
        var above = Vector256.Create(3.52624965998911e-02);
        above = (above * x) + Vector256.Create(0.700383064443688);
        above = (above * x) + Vector256.Create(6.37396220353165);
        above = (above * x) + Vector256.Create(33.912866078383);
        above = (above * x) + Vector256.Create(112.079291497871);
        above = (above * x) + Vector256.Create(221.213596169931);
        above = (above * x) + Vector256.Create(220.206867912376);
        var below = Vector256.Create(8.83883476483184e-02);
        below = (below * x) + Vector256.Create(1.75566716318264);
        below = (below * x) + Vector256.Create(16.064177579207);
        below = (below * x) + Vector256.Create(86.7807322029461);
        below = (below * x) + Vector256.Create(296.564248779674);
        below = (below * x) + Vector256.Create(637.333633378831);
        below = (below * x) + Vector256.Create(793.826512519948);
        below = (below * x) + Vector256.Create(440.413735824752);
        return Lanes.Exp(x * x * Vector256.Create(-0.5)) * above / below;
    }
}
