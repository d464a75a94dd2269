namespace Orchestrator.Search;

/// <summary>
/// Minimises a smooth function in a box by the limited-memory BFGS method (Nocedal and Wright, "Numerical optimization", 2006, algorithm 7.4) with steps that
/// are cut at the box and shortened until the function falls enough.
/// </summary>
internal static class Lbfgs
{
    private const int Memory = 8;

    /// <summary>Writes the gradient and gives the value; not finite where the function has none.</summary>
    public delegate double Function(double[] at, double[] gradient);

    /// <returns>The best point and its value.</returns>
    public static (double[] At, double Value) Minimize(Function function, double[] start, double low, double high, int iterations, double tolerance = 1e-6)
    {
        var n = start.Length;
        var (at, gradient) = ((double[])start.Clone(), new double[n]);
        var value = function(at, gradient);
        var pairs = new List<(double[] Step, double[] Change, double Inverse)>();
        for (var iteration = 0; iteration < iterations && double.IsFinite(value); iteration++)
        {
            var free = Free(at, gradient, low, high);
            var direction = Direction(free, pairs);
            var slope = Lanes.Dot(direction, free);
            if (!(slope < 0))
            {
                pairs.Clear();
                direction = Array.ConvertAll(free, g => -g);
                slope = -Lanes.Dot(free, free);
            }

            if (Math.Sqrt(-slope) < tolerance)
            {
                break;
            }

            var longest = direction.Max(Math.Abs);
            var length = pairs.Count == 0 ? Math.Min(1, 0.1 * (double.IsFinite(high) ? high - low : 10) / longest) : 1;
            var (next, nextGradient, nextValue) = (at, gradient, double.PositiveInfinity);
            for (var attempt = 0; attempt < 12; attempt++, length *= attempt < 3 ? 0.5 : 0.2)
            {
                next = new double[n];
                for (var i = 0; i < n; i++)
                {
                    next[i] = Math.Clamp(at[i] + (length * direction[i]), low, high);
                }

                nextGradient = new double[n];
                nextValue = function(next, nextGradient);
                if (nextValue <= value + (1e-4 * length * slope))
                {
                    break;
                }
            }

            if (!(nextValue < value))
            {
                break;
            }

            var (step, change) = (new double[n], new double[n]);
            for (var i = 0; i < n; i++)
            {
                (step[i], change[i]) = (next[i] - at[i], nextGradient[i] - gradient[i]);
            }

            var curvature = Lanes.Dot(step, change);
            if (curvature > 1e-10 * Lanes.Dot(change, change))
            {
                pairs.Add((step, change, 1 / curvature));
                if (pairs.Count > Memory)
                {
                    pairs.RemoveAt(0);
                }
            }

            var gain = value - nextValue;
            (at, gradient, value) = (next, nextGradient, nextValue);
            if (gain < tolerance * tolerance * (1 + Math.Abs(value)))
            {
                break;
            }
        }

        return (at, value);
    }

    /// <summary>The gradient without what leads out of the box.</summary>
    private static double[] Free(double[] at, double[] gradient, double low, double high)
    {
        var free = (double[])gradient.Clone();
        for (var i = 0; i < at.Length; i++)
        {
            if ((at[i] <= low && gradient[i] > 0) || (at[i] >= high && gradient[i] < 0))
            {
                free[i] = 0;
            }
        }

        return free;
    }

    private static double[] Direction(double[] gradient, List<(double[] Step, double[] Change, double Inverse)> pairs)
    {
        var q = (double[])gradient.Clone();
        var shares = new double[pairs.Count];
        for (var k = pairs.Count - 1; k >= 0; k--)
        {
            shares[k] = pairs[k].Inverse * Lanes.Dot(pairs[k].Step, q);
            Lanes.AddScaled(-shares[k], pairs[k].Change, q);
        }

        if (pairs.Count > 0)
        {
            var (_, change, inverse) = pairs[^1];
            var scale = 1 / (inverse * Lanes.Dot(change, change));
            for (var i = 0; i < q.Length; i++)
            {
                q[i] *= scale;
            }
        }

        for (var k = 0; k < pairs.Count; k++)
        {
            Lanes.AddScaled(shares[k] - (pairs[k].Inverse * Lanes.Dot(pairs[k].Change, q)), pairs[k].Step, q);
        }

        for (var i = 0; i < q.Length; i++)
        {
            q[i] = gradient[i] == 0 ? 0 : -q[i];
        }

        return q;
    }
}
