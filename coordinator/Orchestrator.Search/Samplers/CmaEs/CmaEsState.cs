namespace Orchestrator.Search;

/// <summary>
/// The distribution that CMA-ES draws a generation from: a normal one over the ordered dimensions of the cube, and independent ones over the categories. Never
/// changed; a generation's results make the next one.
/// </summary>
internal sealed record CmaEsState
{
    public required CmaEsStrategy Strategy { get; init; }

    /// <summary>[n]</summary>
    public required double[] Mean { get; init; }

    /// <summary>sigma, a share of the cube's side.</summary>
    public required double Step { get; init; }

    /// <summary>C, [n, n]; of a separable one the diagonal alone.</summary>
    public required double[,] Covariance { get; init; }

    /// <summary>p_c, [n]</summary>
    public required double[] Path { get; init; }

    /// <summary>p_sigma, [n]</summary>
    public required double[] StepPath { get; init; }

    /// <summary>Square roots of the covariance's eigenvalues, [n].</summary>
    public required double[] Lengths { get; init; }

    /// <summary>Its eigenvectors, one a column, [n, n]; null for a separable one, whose axes are the cube's.</summary>
    public required double[,]? Axes { get; init; }

    /// <summary>By category: the probability of each value.</summary>
    public required double[][] Categories { get; init; }

    /// <summary>Of this run, from 0.</summary>
    public int Generation { get; init; }

    public static CmaEsState Initial(CmaEsStrategy strategy, double[] mean, double step, double[][] categories)
    {
        var n = mean.Length;
        var covariance = new double[n, n];
        var lengths = new double[n];
        for (var i = 0; i < n; i++)
        {
            covariance[i, i] = lengths[i] = 1;
        }

        return new CmaEsState
        {
            Strategy = strategy,
            Mean = mean,
            Step = step,
            Covariance = covariance,
            Path = new double[n],
            StepPath = new double[n],
            Lengths = lengths,
            Axes = strategy.IsSeparable ? null : (double[,])covariance.Clone(),
            Categories = categories,
        };
    }

    /// <summary>C^(1/2) z.</summary>
    public double[] Shape(double[] z)
    {
        var stretched = new double[z.Length];
        for (var i = 0; i < z.Length; i++)
        {
            stretched[i] = Lengths[i] * z[i];
        }

        return Axes is null ? stretched : Multiply(Axes, stretched);
    }

    /// <summary>C^(-1/2) y.</summary>
    public double[] Whiten(double[] y)
    {
        if (Axes is null)
        {
            return [.. y.Select((value, i) => value / Lengths[i])];
        }

        var n = y.Length;
        var along = new double[n];
        for (var axis = 0; axis < n; axis++)
        {
            for (var i = 0; i < n; i++)
            {
                along[axis] += Axes[i, axis] * y[i];
            }

            along[axis] /= Lengths[axis];
        }

        return Multiply(Axes, along);
    }

    /// <summary>The next generation's distribution (Hansen's tutorial, figure 6).</summary>
    /// <param name="steps">y = (x - mean) / step of the generation's trials, best first, [lambda][n].</param>
    /// <param name="categories">Their values of each category, [lambda][categories].</param>
    public CmaEsState Update(double[][] steps, int[][] categories)
    {
        var s = Strategy;
        var n = Mean.Length;
        var mean = (double[])Mean.Clone();
        var shift = new double[n];
        for (var rank = 0; rank < s.Parents; rank++)
        {
            Lanes.AddScaled(s.Weights[rank], steps[rank], shift);
        }

        Lanes.AddScaled(Step, shift, mean);
        var stepPath = Blend(StepPath, s.StepPathRate, s.Mass, Whiten(shift));
        var length = Math.Sqrt(Lanes.Dot(stepPath, stepPath));
        var settled = Math.Sqrt(1 - Exact.Exp(2 * (Generation + 1) * Exact.Log(1 - s.StepPathRate)));
        var isStalled = length / settled >= (1.4 + (2.0 / (n + 1))) * s.ExpectedLength;
        var path = Blend(Path, s.PathRate, isStalled ? 0 : s.Mass, shift);
        var covariance = Adapt(steps, path, isStalled ? s.PathRate * (2 - s.PathRate) : 0);
        var (lengths, axes) = Decompose(covariance);
        return this with
        {
            Mean = mean,
            Step = Math.Clamp(Step * Exact.Exp(Math.Min(1, s.StepPathRate / s.StepDamping * ((length / s.ExpectedLength) - 1))), 1e-12, 1),
            Covariance = covariance,
            Path = path,
            StepPath = stepPath,
            Lengths = lengths,
            Axes = axes,
            Categories = Learn(categories),
            Generation = Generation + 1,
        };
    }

    private static double[] Blend(double[] path, double rate, double mass, double[] shift)
    {
        var next = Array.ConvertAll(path, value => (1 - rate) * value);
        Lanes.AddScaled(Math.Sqrt(rate * (2 - rate) * mass), shift, next);
        return next;
    }

    private double[,] Adapt(double[][] steps, double[] path, double lost)
    {
        var s = Strategy;
        var n = path.Length;
        var total = 0.0;
        var weights = new double[steps.Length];
        for (var rank = 0; rank < steps.Length; rank++)
        {
            total += s.Weights[rank];
            weights[rank] = s.Weights[rank];
            if (weights[rank] < 0)
            {
                var white = Whiten(steps[rank]);
                weights[rank] *= n / Math.Max(Lanes.Dot(white, white), 1e-8);
            }
        }

        var keep = 1 + (s.RankOneRate * lost) - s.RankOneRate - (s.RankMuRate * total);
        var next = new double[n, n];
        for (var i = 0; i < n; i++)
        {
            for (var j = s.IsSeparable ? i : 0; j <= i; j++)
            {
                var sum = (keep * Covariance[i, j]) + (s.RankOneRate * path[i] * path[j]);
                for (var rank = 0; rank < steps.Length; rank++)
                {
                    sum += s.RankMuRate * weights[rank] * steps[rank][i] * steps[rank][j];
                }

                next[i, j] = next[j, i] = sum;
            }
        }

        return next;
    }

    private (double[] Lengths, double[,]? Axes) Decompose(double[,] covariance)
    {
        const double least = 1e-14;
        var n = covariance.GetLength(0);
        if (Strategy.IsSeparable)
        {
            return ([.. Enumerable.Range(0, n).Select(i => Math.Sqrt(Math.Max(covariance[i, i], least)))], null);
        }

        var (values, vectors) = SymmetricEigen.Of(covariance);
        return (Array.ConvertAll(values, value => Math.Sqrt(Math.Max(value, least))), vectors);
    }

    /// <summary>
    /// Moves each category's probabilities towards the values of the better half, as natural gradient ascent does, and keeps every value possible (Hamano and
    /// others, "CatCMA: stochastic optimization for mixed-category problems", 2024, with a fixed rate in place of its adaptive one).
    /// </summary>
    private double[][] Learn(int[][] categories)
    {
        const double rate = 0.3;
        var next = new double[Categories.Length][];
        for (var c = 0; c < next.Length; c++)
        {
            var probabilities = Array.ConvertAll(Categories[c], probability => (1 - rate) * probability);
            for (var rank = 0; rank < Strategy.Parents; rank++)
            {
                probabilities[categories[rank][c]] += rate * Strategy.Weights[rank];
            }

            // Another value than the likeliest in at least a quarter of the trials, over all categories together.
            var least = (1 - Exact.Exp(Exact.Log(0.73) / next.Length)) / (probabilities.Length - 1);
            var total = 0.0;
            for (var value = 0; value < probabilities.Length; value++)
            {
                probabilities[value] = Math.Max(probabilities[value], least);
                total += probabilities[value];
            }

            next[c] = Array.ConvertAll(probabilities, probability => probability / total);
        }

        return next;
    }

    private static double[] Multiply(double[,] matrix, double[] vector)
    {
        var product = new double[vector.Length];
        for (var i = 0; i < product.Length; i++)
        {
            for (var j = 0; j < vector.Length; j++)
            {
                product[i] += matrix[i, j] * vector[j];
            }
        }

        return product;
    }
}
