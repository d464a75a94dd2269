using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Orchestrator.Search;

/// <summary>How much of a normal distribution lies in [0, 1], for many centres at once: what cutting a kernel at the cube's ends takes.</summary>
internal static class NormalMass
{
    /// <summary>Beyond this the tail is below 1e-12 and counts as that.</summary>
    private const double Farthest = 7;

    /// <summary>masses *= the share in [0, 1] of the distribution around each centre.</summary>
    /// <param name="centres">In [0, 1].</param>
    /// <param name="width">Standard deviation.</param>
    public static void Multiply(ReadOnlySpan<double> centres, double width, Span<double> masses)
    {
        var inverse = Vector256.Create(1 / width);
        ref var centre = ref MemoryMarshal.GetReference(centres[..masses.Length]);
        ref var mass = ref MemoryMarshal.GetReference(masses);
        var i = 0;
        for (; i <= masses.Length - 4; i += 4)
        {
            var below = Vector256.LoadUnsafe(ref centre, (nuint)i) * inverse;
            var inside = Vector256<double>.One - Tail(below) - Tail(inverse - below);
            (Vector256.LoadUnsafe(ref mass, (nuint)i) * inside).StoreUnsafe(ref mass, (nuint)i);
        }

        for (; i < masses.Length; i++)
        {
            var below = Vector256.Create(centres[i]) * inverse;
            masses[i] *= (Vector256<double>.One - Tail(below) - Tail(inverse - below)).ToScalar();
        }
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
