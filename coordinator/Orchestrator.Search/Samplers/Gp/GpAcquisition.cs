namespace Orchestrator.Search;

/// <summary>Where the expected improvement is highest: many points looked at, and the best of them improved, in continuous dimensions along the gradient and in the others value by value.</summary>
internal sealed class GpAcquisition(PointCodec codec, GpFeatures features, GpPosterior posterior)
{
    /// <summary>Ordered dimensions of more levels count as continuous here.</summary>
    private const long MostLevels = 16;

    private const int Climbs = 5;
    private const int Rounds = 3;
    private const int Steps = 30;

    private readonly int fantasies = posterior.Best.Length;

    /// <summary>The best points found, best first, with the logarithm of the expected improvement.</summary>
    /// <param name="candidates">Whole points: coordinates of what does not apply are looked at once it does.</param>
    public IReadOnlyList<(double[] Point, double Log)> Maximize(IEnumerable<double[]> candidates)
    {
        var valued = candidates.Select(point => (Point: point, Log: Of(point))).ToArray();
        Array.Sort(valued, (a, b) => b.Log.CompareTo(a.Log));
        var found = valued.Take(Climbs).Select(start => Climb(start.Point, start.Log)).Concat(valued).ToArray();
        var order = Enumerable.Range(0, found.Length).ToArray();
        Array.Sort(order, (a, b) => found[a].Log != found[b].Log ? found[b].Log.CompareTo(found[a].Log) : a.CompareTo(b));
        return [.. order.Select(i => found[i])];
    }

    /// <summary>log of the expected improvement, its mean over the fantasies.</summary>
    public double Of(double[] point)
    {
        var means = new double[fantasies];
        var deviation = Math.Sqrt(posterior.At(VectorOf(point), means, null, null));
        var logs = new double[fantasies];
        for (var s = 0; s < fantasies; s++)
        {
            logs[s] = ExpectedImprovement.Log(means[s], deviation, posterior.Best[s]).Log;
        }

        return Lanes.LogSumExp(logs) - Exact.Log(fantasies);
    }

    private (double[] Point, double Log) Climb(double[] start, double log)
    {
        var (point, best) = ((double[])start.Clone(), log);
        for (var round = 0; round < Rounds; round++)
        {
            var before = best;
            Slide(point, ref best);
            Switch(point, ref best);
            if (best <= before + 1e-3 || codec.Dimensions.All(IsSmooth))
            {
                break;
            }
        }

        return (point, best);
    }

    /// <summary>Along the gradient, in the continuous dimensions that apply.</summary>
    private void Slide(double[] point, ref double best)
    {
        var masked = Masked(point);
        var smooth = codec.Dimensions.Where(dimension => IsSmooth(dimension) && !double.IsNaN(masked[dimension.Index])).ToArray();
        if (smooth.Length == 0)
        {
            return;
        }

        var places = Array.ConvertAll(smooth, features.CoordinateOf);
        var vector = features.Of(masked);
        var (means, meanGradients, varianceGradient) = (new double[fantasies], new double[fantasies][], new double[vector.Length]);
        for (var s = 0; s < fantasies; s++)
        {
            meanGradients[s] = new double[vector.Length];
        }

        double Negative(double[] at, double[] gradient)
        {
            for (var i = 0; i < places.Length; i++)
            {
                vector[places[i]] = at[i];
            }

            var deviation = Math.Sqrt(posterior.At(vector, means, meanGradients, varianceGradient));
            var parts = new (double Log, double ByMean, double ByDeviation)[fantasies];
            var logs = new double[fantasies];
            for (var s = 0; s < fantasies; s++)
            {
                parts[s] = ExpectedImprovement.Log(means[s], deviation, posterior.Best[s]);
                logs[s] = parts[s].Log;
            }

            var total = Lanes.LogSumExp(logs);
            Array.Clear(gradient);
            for (var s = 0; s < fantasies; s++)
            {
                var share = Exact.Exp(parts[s].Log - total);
                for (var i = 0; i < places.Length; i++)
                {
                    gradient[i] -= share * ((parts[s].ByMean * meanGradients[s][places[i]]) + (parts[s].ByDeviation * varianceGradient[places[i]] / (2 * deviation)));
                }
            }

            return Exact.Log(fantasies) - total;
        }

        var start = Array.ConvertAll(smooth, dimension => point[dimension.Index]);
        var (found, _) = Lbfgs.Minimize(Negative, start, 0, 1, Steps, 1e-4);
        var moved = (double[])point.Clone();
        for (var i = 0; i < smooth.Length; i++)
        {
            moved[smooth[i].Index] = smooth[i].Snap(found[i]);
        }

        Keep(moved, point, ref best);
    }

    /// <summary>Each value of the other dimensions that apply, one dimension after the other.</summary>
    private void Switch(double[] point, ref double best)
    {
        foreach (var dimension in codec.Dimensions.Where(dimension => !IsSmooth(dimension)))
        {
            if (double.IsNaN(Masked(point)[dimension.Index]))
            {
                continue;
            }

            for (var level = 0L; level < dimension.Levels; level++)
            {
                var other = (double[])point.Clone();
                other[dimension.Index] = dimension.Middle(level);
                Keep(other, point, ref best);
            }
        }
    }

    private void Keep(double[] other, double[] point, ref double best)
    {
        if (Of(other) is var log && log > best)
        {
            best = log;
            other.CopyTo(point, 0);
        }
    }

    private static bool IsSmooth(Dimension dimension) => !dimension.IsCategory && dimension.Levels is not <= MostLevels;

    private double[] VectorOf(double[] point) => features.Of(Masked(point));

    private double[] Masked(double[] point)
    {
        var masked = (double[])point.Clone();
        codec.Mask(masked);
        return masked;
    }
}
