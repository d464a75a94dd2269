using System.Buffers;

namespace Orchestrator.Search;

/// <summary>
/// A density over some dimensions of the unit cube: a kernel around each observed point and, as a prior, one that needs none (<see cref="PriorKernel"/>). A kernel is a product over
/// the dimensions (so the density sees how they go together): a normal cut at the cube's ends where the parameter is continuous, its mass on each level where
/// it is ordered, and one that prefers the observed value where it is a category.
/// </summary>
internal sealed class ParzenEstimator
{
    /// <summary>Ordered parameters of more levels count as continuous: the width of a level cancels in a ratio of densities.</summary>
    private const long MostLevels = 64;

    private readonly IReadOnlyList<Dimension> dimensions;
    private readonly PriorKernel[] prior;
    private readonly int count;

    /// <summary>By dimension: the points' coordinates, [count]. Empty for dimensions of levels.</summary>
    private readonly double[][] coordinates;

    /// <summary>By dimension: the points' levels, [count]. Empty for continuous ones.</summary>
    private readonly int[][] levels;

    /// <summary>By dimension: the kernel's standard deviation, as a share of the domain.</summary>
    private readonly double[] widths;

    /// <summary>By dimension of levels: log probability of a level under the kernel around a level, [own level, around level].</summary>
    private readonly double[][] logMasses;

    /// <summary>By dimension of levels: the same kernels' running sums of probability, [around level, own level].</summary>
    private readonly double[][] cumulative;

    /// <summary>By kernel: its weight over its mass in the cube; the prior's stands last. [count + 1]</summary>
    private readonly double[] scaled;

    /// <summary>Running sums of the weights, [count + 1]; the last is 1.</summary>
    private readonly double[] shares;

    /// <param name="points">Whole points of the cube; these dimensions apply in each.</param>
    /// <param name="weights">One for each point, above 0.</param>
    /// <param name="priorWeight">The prior's.</param>
    /// <param name="leastWidth">No continuous kernel is narrower.</param>
    /// <param name="evenPoints">Points spread evenly that the kernels' width counts with those given: many for kernels as wide as the cube's spread asks for.</param>
    /// <param name="believes">Whether the prior is what the parameters' own say; otherwise it is even.</param>
    public ParzenEstimator(
        IReadOnlyList<Dimension> dimensions, IReadOnlyList<double[]> points, double[] weights, double priorWeight, double leastWidth, double evenPoints,
        bool believes = false)
    {
        this.dimensions = dimensions;
        prior = [.. dimensions.Select(dimension => new PriorKernel(dimension, believes))];
        count = points.Count;
        coordinates = new double[dimensions.Count][];
        levels = new int[dimensions.Count][];
        widths = new double[dimensions.Count];
        logMasses = new double[dimensions.Count][];
        cumulative = new double[dimensions.Count][];
        var masses = new double[count];
        Array.Fill(masses, 1);
        for (var d = 0; d < dimensions.Count; d++)
        {
            var index = dimensions[d].Index;
            var column = new double[count];
            for (var i = 0; i < count; i++)
            {
                column[i] = points[i][index];
            }

            widths[d] = Math.Max(ScottWidth(column, dimensions.Count, evenPoints), leastWidth);
            if (IsContinuous(dimensions[d]))
            {
                (coordinates[d], levels[d]) = (column, []);
                NormalMass.Multiply(column, widths[d], masses);
            }
            else
            {
                var domain = dimensions[d].Parameter.Domain;
                (coordinates[d], levels[d]) = ([], Array.ConvertAll(column, coordinate => (int)domain.LevelOf(Dimension.Clamp(coordinate))));
                Tabulate(d);
            }
        }

        var total = priorWeight + Lanes.Sum(weights);
        (scaled, shares) = (new double[count + 1], new double[count + 1]);
        var running = 0.0;
        for (var i = 0; i < count; i++)
        {
            scaled[i] = weights[i] / (total * masses[i]);
            running += weights[i] / total;
            shares[i] = running;
        }

        scaled[count] = priorWeight / total;
        shares[count] = 1;
    }

    /// <summary>Draws these dimensions' coordinates into the point.</summary>
    /// <param name="unit">An even draw of [0, 1) for a parameter's place; -1 for the choice of the kernel.</param>
    public void Draw(Func<int, double> unit, double[] point)
    {
        var chosen = unit(-1);
        var kernel = 0;
        while (kernel < count && chosen >= shares[kernel])
        {
            kernel++;
        }

        for (var d = 0; d < dimensions.Count; d++)
        {
            var dimension = dimensions[d];
            var share = unit(dimension.Place);
            point[dimension.Index] =
                kernel == count ? prior[d].Draw(share)
                : IsContinuous(dimension) ? dimension.Snap(DrawCut(coordinates[d][kernel], widths[d], share))
                : dimension.Middle(DrawLevel(d, levels[d][kernel], share));
        }
    }

    /// <summary>log of the density at the point, but for a constant that depends on the dimensions and widths alone in <see cref="LogScale"/>.</summary>
    public double LogDensity(double[] point)
    {
        var exponents = ArrayPool<double>.Shared.Rent(count + 1);
        var span = exponents.AsSpan(0, count);
        span.Clear();
        for (var d = 0; d < dimensions.Count; d++)
        {
            var dimension = dimensions[d];
            if (IsContinuous(dimension))
            {
                Lanes.AddSquares(point[dimension.Index], -0.5 / (widths[d] * widths[d]), coordinates[d], span);
            }
            else
            {
                var all = (int)dimension.Levels!.Value;
                var row = logMasses[d].AsSpan((int)dimension.Parameter.Domain.LevelOf(Dimension.Clamp(point[dimension.Index])) * all, all);
                var own = levels[d];
                for (var i = 0; i < own.Length; i++)
                {
                    span[i] += row[own[i]];
                }
            }
        }

        var logPrior = LogPrior(point);
        var highest = logPrior;
        foreach (var exponent in span)
        {
            highest = Math.Max(highest, exponent);
        }

        Lanes.Exp(span, highest);
        var sum = Lanes.Dot(span, scaled.AsSpan(0, count)) + (scaled[count] * Exact.Exp(logPrior - highest));
        ArrayPool<double>.Shared.Return(exponents);
        return highest + Exact.Log(Math.Max(sum, double.Epsilon)) - LogScale;
    }

    private double LogScale
    {
        get
        {
            var scale = 0.0;
            for (var d = 0; d < dimensions.Count; d++)
            {
                scale += IsContinuous(dimensions[d]) ? Exact.Log(widths[d]) - Normal.LogDensity(0) : 0;
            }

            return scale;
        }
    }

    /// <summary>Of the prior, on the scale of the others before <see cref="LogScale"/>.</summary>
    private double LogPrior(double[] point)
    {
        var log = LogScale;
        for (var d = 0; d < prior.Length; d++)
        {
            log += prior[d].LogDensity(point[dimensions[d].Index]);
        }

        return log;
    }

    internal static bool IsContinuous(Dimension dimension) => dimension.Levels is not { } levels || (levels > MostLevels && !dimension.IsCategory);

    /// <summary>
    /// Scott's rule for a product of kernels ("Multivariate density estimation", 1992): the spread of the points, less with more of them. The rule is made for
    /// points of one cluster, those of a search lie in several, hence the smaller factor. A few points say little of their spread, which may be 0 by chance, so
    /// that some even ones are counted with them.
    /// </summary>
    private static double ScottWidth(double[] column, int dimensions, double evenPoints)
    {
        const double factor = 0.6;
        const double evenVariance = 1.0 / 12;
        var total = column.Length + evenPoints;
        var mean = (Lanes.Sum(column) + (evenPoints * 0.5)) / total;
        var squares = new double[column.Length];
        Lanes.AddSquares(mean, 1, column, squares);
        var variance = (Lanes.Sum(squares) + (evenPoints * (evenVariance + ((mean - 0.5) * (mean - 0.5))))) / total;
        return factor * Math.Sqrt(variance) * Exact.Exp(-Exact.Log(column.Length + 1) / (dimensions + 4));
    }

    private void Tabulate(int d)
    {
        var dimension = dimensions[d];
        var domain = dimension.Parameter.Domain;
        var all = (int)dimension.Levels!.Value;
        var log = logMasses[d] = new double[all * all];
        var sums = cumulative[d] = new double[all * all];
        var masses = new double[all];
        for (var around = 0; around < all; around++)
        {
            if (dimension.IsCategory)
            {
                // One observation counts as much as the prior's count+1st part on every category, as in Bergstra and others, "Algorithms for hyper-parameter
                // optimization", 2011: the more there are, the more they are trusted.
                var other = 1.0 / (count + 1);
                Array.Fill(masses, other);
                masses[around] += 1;
            }
            else
            {
                // At least half a level wide, so that a neighbour keeps a chance of one in six.
                var centre = dimension.Middle(around);
                var width = Math.Max(widths[d], 0.5 * (domain.LevelEdge(around + 1) - domain.LevelEdge(around)));
                for (var own = 0; own < all; own++)
                {
                    masses[own] = Math.Max(
                        Normal.Cdf((domain.LevelEdge(own + 1) - centre) / width) - Normal.Cdf((domain.LevelEdge(own) - centre) / width), 1e-12);
                }
            }

            var total = Lanes.Sum(masses);
            var running = 0.0;
            for (var own = 0; own < all; own++)
            {
                running += masses[own] / total;
                log[(own * all) + around] = Exact.Log(masses[own] / total);
                sums[(around * all) + own] = running;
            }
        }
    }

    /// <summary>From a normal cut to [0, 1].</summary>
    internal static double DrawCut(double centre, double width, double share)
    {
        var low = Normal.Cdf(-centre / width);
        var high = Normal.Cdf((1 - centre) / width);
        return Math.Clamp(centre + (width * Normal.Quantile(low + (share * (high - low)))), 0, 1);
    }

    private int DrawLevel(int d, int around, double share)
    {
        var all = (int)dimensions[d].Levels!.Value;
        var sums = cumulative[d].AsSpan(around * all, all);
        var level = 0;
        while (level < all - 1 && share >= sums[level])
        {
            level++;
        }

        return level;
    }
}
