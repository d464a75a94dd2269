namespace Orchestrator.Search;

/// <summary>
/// How likely values are under hyper-parameters, times how likely those are: the negative logarithm and its gradient (Rasmussen and Williams, equation 5.9).
/// Before there are data, length scales are log-normal around an eighth of the cube's diagonal, give or take a factor of four: what is good takes up a small part of the
/// ranges that people write, and how small is not known. A belief in longer ones sees one slope where there are several valleys, and stays in the first. In more
/// dimensions a model that expected detail in each would never see enough (the growth with the root of their number is that of Hvarfner and others, "Vanilla
/// Bayesian optimization performs great in high dimensions", 2024). Noise is little: a training repeats bit by bit.
/// </summary>
internal sealed class GpLikelihood(GpFeatures features, double[][] columns, double[] values)
{
    private const double ScaleCentre = -2;
    private const double ScaleWidth = 1.5;
    private const double SignalWidth = 1;
    private const double NoiseCentre = -9;
    private const double NoiseWidth = 3;

    private readonly int n = values.Length;

    public static double TypicalLogScale(int dimensions) => ScaleCentre + (0.5 * Exact.Log(Math.Max(1, dimensions)));

    /// <param name="at">Logarithms of the scales, the signal and the noise.</param>
    public double Of(double[] at, double[] gradient)
    {
        var hyper = GpHyperparameters.Of(at);
        var scaled = Scaled(features, columns, hyper);
        var covariances = new double[n][];
        var slopes = new double[n][];
        for (var i = 0; i < n; i++)
        {
            (covariances[i], slopes[i]) = Row(scaled, i, hyper.Signal);
        }

        var matrix = Array.ConvertAll(covariances, row => (double[])row.Clone());
        for (var i = 0; i < n; i++)
        {
            matrix[i][i] += hyper.Noise;
        }

        if (Cholesky.Of(matrix) is not { } root)
        {
            return double.PositiveInfinity;
        }

        var white = root.SolveLower(values);
        var weights = root.SolveUpper(white);
        Differentiate(scaled, covariances, slopes, root.Inverse(), weights, hyper, gradient, at);
        var log = 0.5 * (Lanes.Dot(white, white) + root.LogDeterminant);
        return log + Priors(at, gradient);
    }

    /// <summary>The features in length scales, [features][n].</summary>
    public static double[][] Scaled(GpFeatures features, double[][] columns, GpHyperparameters hyper)
    {
        var scaled = new double[columns.Length][];
        for (var f = 0; f < columns.Length; f++)
        {
            var inverse = 1 / hyper.Scales[features.Scales[f]];
            scaled[f] = Array.ConvertAll(columns[f], value => value * inverse);
        }

        return scaled;
    }

    /// <summary>Row i of the covariances' lower triangle, without noise, and the kernel's slopes.</summary>
    public static (double[] Covariances, double[] Slopes) Row(double[][] scaled, int i, double signal)
    {
        var (row, slopes) = (new double[i + 1], new double[i + 1]);
        foreach (var column in scaled)
        {
            Lanes.AddSquares(column[i], 1, column, row);
        }

        Matern.Apply(signal, row, slopes);
        return (row, slopes);
    }

    /// <summary>The gradient of the data's part: -1/2 trace((w w' - K^-1) dK).</summary>
    private void Differentiate(
        double[][] scaled, double[][] covariances, double[][] slopes, double[][] inverse, double[] weights, GpHyperparameters hyper, double[] gradient, double[] at)
    {
        Array.Clear(gradient);
        var (signal, noise) = (0.0, 0.0);
        for (var i = 0; i < n; i++)
        {
            // W = w w' - K^-1, in place of the inverse; off the diagonal each entry stands for two.
            var row = inverse[i];
            for (var j = 0; j <= i; j++)
            {
                row[j] = (weights[i] * weights[j]) - row[j];
            }

            noise += row[i];
            signal += (2 * Lanes.Dot(row, covariances[i])) - (row[i] * covariances[i][i]);
            for (var j = 0; j < i; j++)
            {
                row[j] *= slopes[i][j];
            }

            for (var f = 0; f < scaled.Length; f++)
            {
                gradient[features.Scales[f]] -= Lanes.DotSquares(scaled[f][i], scaled[f].AsSpan(0, i), row);
            }
        }

        gradient[^2] = -0.5 * signal;
        gradient[^1] = -0.5 * noise * Exact.Exp(at[^1]);
    }

    private double Priors(double[] at, double[] gradient)
    {
        var log = 0.0;
        var centre = TypicalLogScale(features.ScaleCount);
        for (var i = 0; i < at.Length; i++)
        {
            var (middle, width) = i == at.Length - 1 ? (NoiseCentre, NoiseWidth) : i == at.Length - 2 ? (0, SignalWidth) : (centre, ScaleWidth);
            var away = (at[i] - middle) / width;
            log += 0.5 * away * away;
            gradient[i] += away / width;
        }

        return log;
    }
}
