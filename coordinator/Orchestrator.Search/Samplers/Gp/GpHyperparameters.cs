namespace Orchestrator.Search;

/// <summary>What the kernel depends on. All positive.</summary>
/// <param name="Scales">Length scales, one for each dimension of the cube: how far one has to go for the objective to be another.</param>
/// <param name="Signal">Variance of the objective over the cube.</param>
/// <param name="Noise">Variance of repeated values at one point.</param>
internal sealed record GpHyperparameters(double[] Scales, double Signal, double Noise)
{
    /// <summary>Below, the arithmetic would be all there is to the noise.</summary>
    private const double LeastNoise = 1e-6;

    /// <summary>Evaluations of the marginal likelihood from a start are a few more.</summary>
    private const int Iterations = 30;

    /// <summary>The most likely ones, given the data and what is likely before there is any: of two fixed starts, so that equal data give equal ones.</summary>
    /// <param name="columns">By feature: the points', [features][n].</param>
    /// <param name="values">Standardised, [n].</param>
    public static GpHyperparameters Fit(GpFeatures features, double[][] columns, double[] values)
    {
        var likelihood = new GpLikelihood(features, columns, values);
        var best = (At: (double[]?)null, Value: double.PositiveInfinity);
        foreach (var (scale, noise) in new[] { (1.0, 1e-2), (0.2, 1e-4) })
        {
            var start = new double[features.ScaleCount + 2];
            Array.Fill(start, GpLikelihood.TypicalLogScale(features.ScaleCount) + Exact.Log(scale), 0, features.ScaleCount);
            start[^1] = Exact.Log(noise);
            var found = Lbfgs.Minimize(likelihood.Of, start, -20, 20, Iterations, 1e-3);
            if (found.Value < best.Value)
            {
                best = found;
            }
        }

        return Of(best.At ?? [.. Enumerable.Repeat(0.0, features.ScaleCount + 1), Exact.Log(1e-2)]);
    }

    /// <param name="logarithms">Of the scales, the signal and the noise.</param>
    public static GpHyperparameters Of(double[] logarithms) => new(
        Array.ConvertAll(logarithms[..^2], Exact.Exp), Exact.Exp(logarithms[^2]), LeastNoise + Exact.Exp(logarithms[^1]));
}
