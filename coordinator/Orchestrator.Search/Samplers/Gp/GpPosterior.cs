namespace Orchestrator.Search;

/// <summary>
/// What a Gaussian process says of the objective after some values: mean and variance at any point (Rasmussen and Williams, algorithm 2.1), under one or more
/// fantasies of what trials still running will come to.
/// </summary>
internal sealed class GpPosterior
{
    private readonly GpFeatures features;
    private readonly GpHyperparameters hyper;

    /// <summary>In length scales, [features][n].</summary>
    private readonly double[][] scaled;

    /// <summary>K^-1, whole rows.</summary>
    private readonly double[][] inverse;

    /// <summary>K^-1 y by fantasy.</summary>
    private readonly double[][] weights;

    /// <param name="columns">By feature: the points', those with values first, [features][n].</param>
    /// <param name="values">Standardised; fewer than there are points where some are still running.</param>
    /// <param name="fantasies">By fantasy: standard normal draws for the points without values. One, empty, where all have values.</param>
    public GpPosterior(GpFeatures features, double[][] columns, double[] values, double[][] fantasies, GpHyperparameters hyper)
    {
        this.features = features;
        this.hyper = hyper;
        scaled = GpLikelihood.Scaled(features, columns, hyper);
        var n = columns.Length > 0 ? columns[0].Length : values.Length;
        var root = Factor(n);

        // With y = L w for all points, w of those with values is what they give, and the draws are w of the others: given them, or they given nothing.
        var known = new double[n];
        values.CopyTo(known, 0);
        var white = root.SolveLower(known);
        weights = new double[fantasies.Length][];
        Best = new double[fantasies.Length];
        for (var s = 0; s < fantasies.Length; s++)
        {
            fantasies[s].CopyTo(white, values.Length);
            weights[s] = root.SolveUpper(white);
            Best[s] = double.PositiveInfinity;
            for (var i = 0; i < n; i++)
            {
                // The mean at a point that was tried is its value less what counts as noise: y - noise * (K^-1 y).
                var mean = Lanes.Dot(root.Rows[i].AsSpan(0, i + 1), white.AsSpan(0, i + 1)) - (hyper.Noise * weights[s][i]);
                Best[s] = Math.Min(Best[s], mean);
            }
        }

        inverse = Whole(root.Inverse());
    }

    /// <summary>By fantasy: the lowest mean at a point that was tried or is being tried.</summary>
    public double[] Best { get; }

    /// <summary>Its mean under each fantasy, its variance, and their gradients with respect to the features, where asked for.</summary>
    /// <param name="vector">[features]</param>
    /// <param name="meanGradients">[fantasies][features], or null.</param>
    /// <param name="varianceGradient">[features]</param>
    public double At(double[] vector, double[] means, double[][]? meanGradients, double[]? varianceGradient)
    {
        var n = inverse.Length;
        var (covariances, slopes) = (new double[n], new double[n]);
        for (var f = 0; f < scaled.Length; f++)
        {
            Lanes.AddSquares(vector[f] / hyper.Scales[features.Scales[f]], 1, scaled[f], covariances);
        }

        Matern.Apply(hyper.Signal, covariances, slopes);
        var solved = new double[n];
        for (var i = 0; i < n; i++)
        {
            solved[i] = Lanes.Dot(inverse[i], covariances);
        }

        var variance = Math.Max(hyper.Signal - Lanes.Dot(solved, covariances), 1e-10 * hyper.Signal);
        for (var s = 0; s < weights.Length; s++)
        {
            means[s] = Lanes.Dot(weights[s], covariances);
        }

        if (meanGradients is not null)
        {
            for (var s = 0; s < weights.Length; s++)
            {
                Slope(vector, weights[s], slopes, -1, meanGradients[s]);
            }

            Slope(vector, solved, slopes, 2, varianceGradient!);
        }

        return variance;
    }

    /// <summary>gradient = factor * sum of weight * slope * (x - x_i) / scale^2.</summary>
    private void Slope(double[] vector, double[] weighting, double[] slopes, double factor, double[] gradient)
    {
        var products = new double[slopes.Length];
        for (var i = 0; i < products.Length; i++)
        {
            products[i] = weighting[i] * slopes[i];
        }

        var total = Lanes.Sum(products);
        for (var f = 0; f < scaled.Length; f++)
        {
            var scale = hyper.Scales[features.Scales[f]];
            gradient[f] = factor * ((vector[f] / scale * total) - Lanes.Dot(products, scaled[f])) / scale;
        }
    }

    /// <summary>Of K with noise; with more of it where the arithmetic asks for that.</summary>
    private Cholesky Factor(int n)
    {
        for (var jitter = 0.0; ; jitter = Math.Max(jitter * 10, 1e-8 * hyper.Signal))
        {
            var matrix = new double[n][];
            for (var i = 0; i < n; i++)
            {
                matrix[i] = GpLikelihood.Row(scaled, i, hyper.Signal).Covariances;
                matrix[i][i] += hyper.Noise + jitter;
            }

            if (Cholesky.Of(matrix) is { } root)
            {
                return root;
            }
        }
    }

    private static double[][] Whole(double[][] lower)
    {
        var whole = new double[lower.Length][];
        for (var i = 0; i < lower.Length; i++)
        {
            whole[i] = new double[lower.Length];
            lower[i].CopyTo(whole[i], 0);
            for (var j = 0; j < i; j++)
            {
                whole[j][i] = lower[i][j];
            }
        }

        return whole;
    }
}
