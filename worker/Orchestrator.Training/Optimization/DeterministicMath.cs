namespace Orchestrator.Training.Optimization;

/// <summary>Arithmetic that decides bits, from + - * / alone: the operating system's cos and pow differ from one version to the next.</summary>
internal static class DeterministicMath
{
    /// <summary>cos(pi x) for x in [0, 1], within 1e-15.</summary>
    public static double CosPi(double x)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(x);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(x, 1);
        if (x > 0.5)
        {
            return -CosPi(1 - x);
        }

        // Taylor's series around 0 for the half angle, at most pi/4: cos(2a) = 2 cos(a)^2 - 1.
        var angle = Math.PI * x / 2;
        var square = angle * angle;
        var sum = 1.0;
        for (var term = 10; term >= 1; term--)
        {
            sum = 1 - (square / ((2 * term) * ((2 * term) - 1)) * sum);
        }

        return (2 * sum * sum) - 1;
    }

    /// <summary>value^exponent by repeated squaring.</summary>
    public static double Power(double value, long exponent)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(exponent);
        var result = 1.0;
        for (; exponent > 0; exponent >>= 1)
        {
            if ((exponent & 1) == 1)
            {
                result *= value;
            }

            value *= value;
        }

        return result;
    }
}
