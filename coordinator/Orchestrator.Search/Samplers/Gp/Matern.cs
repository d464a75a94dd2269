namespace Orchestrator.Search;

/// <summary>
/// The Matérn kernel of smoothness 5/2 with a length scale for each dimension: k(r) = s (1 + a + a^2 / 3) exp(-a), a = sqrt(5) r (Rasmussen and Williams,
/// "Gaussian processes for machine learning", 2006, equation 4.17): twice differentiable, as objectives of training hardly are smoother.
/// </summary>
internal static class Matern
{
    private const double SqrtFive = 2.23606797749978969641;

    /// <summary>A span of distances becomes one of covariances.</summary>
    /// <param name="squares">Squared distances, in length scales; become the covariances.</param>
    /// <param name="slopes">Gets -2 dk/d(r^2) = s 5/3 (1 + a) exp(-a): what all gradients are made of.</param>
    public static void Apply(double signal, Span<double> squares, Span<double> slopes)
    {
        for (var i = 0; i < squares.Length; i++)
        {
            slopes[i] = -SqrtFive * Math.Sqrt(squares[i]);
            squares[i] = slopes[i];
        }

        Lanes.Exp(squares);
        for (var i = 0; i < squares.Length; i++)
        {
            var a = -slopes[i];
            var decay = signal * squares[i];
            slopes[i] = decay * (1 + a) * (5.0 / 3);
            squares[i] = decay * (1 + a + (a * a / 3));
        }
    }
}
