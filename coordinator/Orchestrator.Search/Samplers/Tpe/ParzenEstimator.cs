using System.Buffers;

namespace Orchestrator.Search;

/// <summary>
/// A density over some dimensions of the unit cube: a kernel around each observed point and, as a prior, one that needs none (<see cref="PriorKernel"/>). A kernel is a product over
/// the dimensions (so the density sees how they go together): a normal cut at the cube's ends where the parameter is continuous (<see cref="NormalKernels"/>), a share of
/// probability for each level where there are levels (<see cref="LevelKernels"/>).
/// </summary>
internal sealed class ParzenEstimator
{
    /// <summary>Ordered parameters of more levels count as continuous: the width of a level cancels in a ratio of densities.</summary>
    private const long MostLevels = 64;

    /// <summary>The exponent of a kernel that there is not.</summary>
    private const double Nothing = -1e300;

    private readonly IReadOnlyList<Dimension> dimensions;
    private readonly PriorKernel[] prior;
    private readonly int count;

    private readonly NormalKernels normals;

    /// <summary>By dimension: its place among the normals' dimensions, or its levels.</summary>
    private readonly (int Normal, LevelKernels? Levels)[] kinds;

    /// <summary>By kernel, in whole blocks: the log of its weight, and what else of its exponent is the same everywhere.</summary>
    private readonly double[] start;

    /// <summary>log of the prior's weight.</summary>
    private readonly double logPriorWeight;

    /// <summary>Running sums of the weights, [count + 1]; the last is 1.</summary>
    private readonly double[] shares;

    /// <param name="points">Whole points of the cube; these dimensions apply in each.</param>
    /// <param name="weights">One for each point, above 0.</param>
    /// <param name="priorWeight">The prior's, above 0.</param>
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
        var rule = new ScottWidth(count, dimensions.Count, evenPoints);
        kinds = new (int, LevelKernels?)[dimensions.Count];
        var continuous = new List<int>();
        for (var d = 0; d < kinds.Length; d++)
        {
            kinds[d] = IsContinuous(dimensions[d]) ? (continuous.Count, null) : (-1, new LevelKernels(dimensions[d], points, rule, leastWidth));
            if (kinds[d].Levels is null)
            {
                continuous.Add(dimensions[d].Index);
            }
        }

        normals = new NormalKernels([.. continuous], points, rule, leastWidth);
        var total = priorWeight + Lanes.Sum(weights);
        logPriorWeight = Exact.Log(priorWeight / total);
        start = new double[(count + NormalKernels.Block - 1) / NormalKernels.Block * NormalKernels.Block];
        shares = new double[count + 1];
        var running = 0.0;
        for (var i = 0; i < count; i++)
        {
            start[i] = Exact.Log(weights[i] / total);
            running += weights[i] / total;
            shares[i] = running;
        }

        shares[count] = 1;
        start.AsSpan(count).Fill(Nothing);
        normals.Prepare(start);
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
                : kinds[d].Levels is { } levels ? levels.Draw(kernel, share)
                : dimension.Snap(normals.Draw(kernel, kinds[d].Normal, share));
        }
    }

    /// <summary>log of the density at the point.</summary>
    public double LogDensity(double[] point)
    {
        Span<double> log = stackalloc double[1];
        LogDensities([point], log);
        return log[0];
    }

    /// <summary>log of the density at each of the points.</summary>
    public void LogDensities(ReadOnlySpan<double[]> points, Span<double> logs)
    {
        const int together = NormalKernels.Together;
        var (kernels, continuous) = (start.Length, normals.Dimensions);
        var rented = ArrayPool<double>.Shared.Rent(together * (kernels + continuous));
        var exponents = rented.AsSpan(0, together * kernels);
        var twice = rented.AsSpan(exponents.Length, together * continuous);
        Span<double> squares = stackalloc double[together];
        for (var first = 0; first < points.Length; first += together)
        {
            // Where fewer are left the last one stands in for those that lack.
            for (var i = 0; i < together; i++)
            {
                squares[i] = normals.Place(points[Math.Min(first + i, points.Length - 1)], twice.Slice(i * continuous, continuous));
            }

            normals.Exponents(start, twice, exponents);
            for (var i = 0; i < Math.Min(together, points.Length - first); i++)
            {
                logs[first + i] = LogDensity(points[first + i], exponents.Slice(i * kernels, kernels), squares[i]);
            }
        }

        ArrayPool<double>.Shared.Return(rented);
    }

    /// <param name="exponents">Of the kernels, but for their levels and the square that all of them lack.</param>
    private double LogDensity(double[] point, Span<double> exponents, double square)
    {
        var log = logPriorWeight;
        for (var d = 0; d < kinds.Length; d++)
        {
            kinds[d].Levels?.AddTo(exponents, point);
            log += prior[d].LogDensity(point[dimensions[d].Index]);
        }

        var shift = square + normals.LogScale;
        return Lanes.LogSumExp(exponents, log + shift) - shift;
    }

    internal static bool IsContinuous(Dimension dimension) => dimension.Levels is not { } levels || (levels > MostLevels && !dimension.IsCategory);

    /// <summary>From a normal cut to [0, 1].</summary>
    internal static double DrawCut(double centre, double width, double share)
    {
        var low = Normal.Cdf(-centre / width);
        var high = Normal.Cdf((1 - centre) / width);
        return Math.Clamp(centre + (width * Normal.Quantile(low + (share * (high - low)))), 0, 1);
    }
}
