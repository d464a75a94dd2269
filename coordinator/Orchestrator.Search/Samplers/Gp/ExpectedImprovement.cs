namespace Orchestrator.Search;

/// <summary>
/// The logarithm of the expected improvement on the best value, which has a gradient also where the improvement itself is too small for a double (Ament and
/// others, "Unexpected improvements to expected improvement for Bayesian optimization", 2023).
/// </summary>
internal static class ExpectedImprovement
{
    /// <param name="mean">Of the cost at the point.</param>
    /// <param name="deviation">Above 0.</param>
    /// <param name="best">The lowest cost so far.</param>
    /// <returns>The logarithm, and its derivatives by mean and deviation.</returns>
    public static (double Log, double ByMean, double ByDeviation) Log(double mean, double deviation, double best)
    {
        var z = (best - mean) / deviation;
        if (z > -3)
        {
            var (density, below) = (Exact.Exp(Normal.LogDensity(z)), Normal.Cdf(z));
            var h = density + (z * below);
            return (Exact.Log(deviation) + Exact.Log(h), -below / (deviation * h), density / (deviation * h));
        }

        // h = density * q / (t + q), where the tail is density / (t + q) by Mills' continued fraction: nothing cancels.
        var t = -z;
        var q = t;
        for (var k = 40; k >= 2; k--)
        {
            q = t + (k / q);
        }

        q = 1 / q;
        return (Exact.Log(deviation) + Normal.LogDensity(z) + Exact.Log(q / (t + q)), -1 / (deviation * q), (t + q) / (deviation * q));
    }
}
