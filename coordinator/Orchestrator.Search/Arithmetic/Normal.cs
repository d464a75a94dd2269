namespace Orchestrator.Search;

/// <summary>The standard normal distribution out of + - * / and <see cref="Exact"/>: the same bits on every machine.</summary>
public static class Normal
{
    private const double SqrtTwoPi = 2.50662827463100050242;
    private const double LogSqrtTwoPi = 0.91893853320467274178;

    /// <summary>log of the density.</summary>
    public static double LogDensity(double x) => (-0.5 * x * x) - LogSqrtTwoPi;

    /// <summary>
    /// The probability of a draw below x: within 1e-15, and in the tail within 1e-9 of itself (Hart, "Computer Approximations", 1968, algorithm 5666, as in West, "Better approximations to
    /// cumulative normal functions", 2005).
    /// </summary>
    public static double Cdf(double x)
    {
        var below = Tail(Math.Abs(x));
        return x > 0 ? 1 - below : below;
    }

    /// <summary>log of <see cref="Cdf"/>, also where that is too small for a double.</summary>
    public static double LogCdf(double x)
    {
        if (x > -30)
        {
            return Exact.Log(Math.Max(Cdf(x), double.Epsilon));
        }

        // The asymptotic series of Mills' ratio: six terms leave less than 1e-14 from 30 on.
        var inverse = 1 / (x * x);
        var series = 1 - (inverse * (1 - (3 * inverse * (1 - (5 * inverse * (1 - (7 * inverse * (1 - (9 * inverse)))))))));
        return LogDensity(x) - Exact.Log(-x) + Exact.Log(series);
    }

    /// <summary>The x whose <see cref="Cdf"/> is p, to about 1e-15 (Wichura, "Algorithm AS 241: the percentage points of the normal distribution", 1988).</summary>
    /// <param name="p">Above 0 and below 1; the ends give the farthest finite points.</param>
    public static double Quantile(double p)
    {
        p = Math.Clamp(p, 1e-300, 1 - (1.0 / (1L << 53)));
        var q = p - 0.5;
        if (Math.Abs(q) <= 0.425)
        {
            return q * Ratio(0.180625 - (q * q), CentreNumerator, CentreDenominator);
        }

        var r = Math.Sqrt(-Exact.Log(q < 0 ? p : 1 - p));
        var x = r <= 5 ? Ratio(r - 1.6, MiddleNumerator, MiddleDenominator) : Ratio(r - 5, FarNumerator, FarDenominator);
        return q < 0 ? -x : x;
    }

    /// <summary>The probability beyond a distance of at least 0.</summary>
    private static double Tail(double x)
    {
        if (x > 37.5)
        {
            return 0;
        }

        var density = Exact.Exp(-0.5 * x * x);
        if (x < 7.07106781186547)
        {
            return density * Ratio(x, TailNumerator, TailDenominator);
        }

        var fraction = x;
        for (var k = 24; k >= 1; k--)
        {
            fraction = x + (k / fraction);
        }

        return density / fraction / SqrtTwoPi;
    }

    /// <summary>The quotient of two polynomials, lowest power first.</summary>
    private static double Ratio(double x, ReadOnlySpan<double> numerator, ReadOnlySpan<double> denominator)
    {
        var (above, below) = (0.0, 0.0);
        for (var i = numerator.Length - 1; i >= 0; i--)
        {
            above = (above * x) + numerator[i];
        }

        for (var i = denominator.Length - 1; i >= 0; i--)
        {
            below = (below * x) + denominator[i];
        }

        return above / below;
    }

    private static ReadOnlySpan<double> TailNumerator =>
    [
        220.206867912376, 221.213596169931, 112.079291497871, 33.912866078383, 6.37396220353165, 0.700383064443688, 3.52624965998911e-02,
    ];

    private static ReadOnlySpan<double> TailDenominator =>
    [
        440.413735824752, 793.826512519948, 637.333633378831, 296.564248779674, 86.7807322029461, 16.064177579207, 1.75566716318264, 8.83883476483184e-02,
    ];

    private static ReadOnlySpan<double> CentreNumerator =>
    [
        3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
        4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
    ];

    private static ReadOnlySpan<double> CentreDenominator =>
    [
        1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
        2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
    ];

    private static ReadOnlySpan<double> MiddleNumerator =>
    [
        1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
        1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
    ];

    private static ReadOnlySpan<double> MiddleDenominator =>
    [
        1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
        1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
    ];

    private static ReadOnlySpan<double> FarNumerator =>
    [
        6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
        2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
    ];

    private static ReadOnlySpan<double> FarDenominator =>
    [
        1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
        7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
    ];
}
