namespace Orchestrator.Search;

/// <summary>
/// Costs made alike to draws from a Gaussian process: centred, scaled, and the long tail of bad ones pulled in by the power that makes them most normal (Yeo
/// and Johnson, "A new family of power transformations", 2000), as in Cowen-Rivers and others, "HEBO: pushing the limits of sample-efficient hyperparameter
/// optimisation", 2022. One diverged trial must not flatten all the others.
/// </summary>
internal static class CostScale
{
    /// <summary>1 leaves costs as they are, 0 is a logarithm of the bad ones. Powers above would pull in the good ones, which are what matters.</summary>
    private static readonly double[] Powers = [1, 0.75, 0.5, 0.25, 0, -0.5, -1];

    /// <summary>In the same order, with mean 0 and variance 1; all 0 where they are all equal.</summary>
    public static double[] Standardize(double[] costs)
    {
        var sorted = (double[])costs.Clone();
        Array.Sort(sorted);
        var median = sorted[sorted.Length / 2];
        var width = (sorted[sorted.Length * 3 / 4] / 2) - (sorted[sorted.Length / 4] / 2);
        width = width > 0 ? width : (sorted[^1] / 2) - (sorted[0] / 2);
        if (!(width > 0) || !double.IsFinite(width))
        {
            return new double[costs.Length];
        }

        var centred = Array.ConvertAll(costs, cost => Math.Clamp((cost - median) / width, -1e6, 1e6));
        var best = (Values: centred, Likelihood: double.NegativeInfinity);
        foreach (var power in Powers)
        {
            var values = Array.ConvertAll(centred, value => Transform(value, power));
            var stretch = 0.0;
            foreach (var value in centred)
            {
                stretch += (value >= 0 ? 1 : -1) * Exact.Log(1 + Math.Abs(value));
            }

            var variance = Variance(values, Lanes.Sum(values) / values.Length);
            var likelihood = variance > 0 ? (-0.5 * values.Length * Exact.Log(variance)) + ((power - 1) * stretch) : double.NegativeInfinity;
            if (likelihood > best.Likelihood)
            {
                best = (values, likelihood);
            }
        }

        var mean = Lanes.Sum(best.Values) / best.Values.Length;
        var deviation = Math.Sqrt(Variance(best.Values, mean));
        return deviation > 0 ? Array.ConvertAll(best.Values, value => (value - mean) / deviation) : new double[costs.Length];
    }

    private static double Transform(double value, double power) =>
        value >= 0 ? Raise(value, power) : -Raise(-value, 2 - power);

    private static double Raise(double value, double power)
    {
        var log = Exact.Log(1 + value);
        return power == 1 ? value : power == 0 ? log : (Exact.Exp(power * log) - 1) / power;
    }

    private static double Variance(double[] values, double mean)
    {
        var squares = new double[values.Length];
        Lanes.AddSquares(mean, 1, values, squares);
        return Lanes.Sum(squares) / values.Length;
    }
}
