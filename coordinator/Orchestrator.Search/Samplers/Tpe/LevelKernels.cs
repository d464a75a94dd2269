namespace Orchestrator.Search;

/// <summary>
/// One dimension of levels in a product of kernels: around a point, a normal's mass on each level where they are ordered; where they are categories one that prefers the
/// point's own.
/// </summary>
internal sealed class LevelKernels
{
    private readonly Dimension dimension;
    private readonly int all;

    /// <summary>By point: its level.</summary>
    private readonly int[] levels;

    /// <summary>log probability of a level under the kernel around a level, [own level, around level].</summary>
    private readonly double[] logMasses;

    /// <summary>The same kernels' running sums of probability, [around level, own level].</summary>
    private readonly double[] cumulative;

    /// <summary>By level: its coordinate.</summary>
    private readonly double[] middles;

    /// <param name="points">Whole points of the cube; the dimension applies in each.</param>
    /// <param name="leastWidth">No kernel of ordered levels is narrower.</param>
    public LevelKernels(Dimension dimension, IReadOnlyList<double[]> points, ScottWidth rule, double leastWidth)
    {
        this.dimension = dimension;
        all = (int)dimension.Levels!.Value;
        levels = new int[points.Count];
        var (sum, squares) = (0.0, 0.0);
        for (var i = 0; i < levels.Length; i++)
        {
            levels[i] = LevelOf(points[i]);
            var offset = points[i][dimension.Index] - 0.5;
            sum += offset;
            squares += offset * offset;
        }

        middles = [.. Enumerable.Range(0, all).Select(level => dimension.Middle(level))];
        (logMasses, cumulative) = (new double[all * all], new double[all * all]);
        Tabulate(Math.Max(rule.Of(sum, squares), leastWidth));
    }

    /// <summary>exponents += each kernel's log probability of the point's level.</summary>
    /// <param name="exponents">By kernel.</param>
    public void AddTo(Span<double> exponents, double[] point)
    {
        var row = logMasses.AsSpan(LevelOf(point) * all, all);
        var own = levels;
        exponents = exponents[..own.Length];
        for (var i = 0; i < own.Length; i++)
        {
            exponents[i] += row[own[i]];
        }
    }

    /// <summary>The coordinate of a level from the kernel around a point.</summary>
    /// <param name="share">Even in [0, 1).</param>
    public double Draw(int kernel, double share)
    {
        var sums = cumulative.AsSpan(levels[kernel] * all, all);
        var level = 0;
        while (level < all - 1 && share >= sums[level])
        {
            level++;
        }

        return middles[level];
    }

    private int LevelOf(double[] point) => (int)dimension.Parameter.Domain.LevelOf(Dimension.Clamp(point[dimension.Index]));

    private void Tabulate(double spread)
    {
        var domain = dimension.Parameter.Domain;
        var masses = new double[all];
        for (var around = 0; around < all; around++)
        {
            if (dimension.IsCategory)
            {
                // One observation counts as much as the prior's count+1st part on every category, as in Bergstra and others, "Algorithms for hyper-parameter
                // optimization", 2011: the more there are, the more they are trusted.
                var other = 1.0 / (levels.Length + 1);
                Array.Fill(masses, other);
                masses[around] += 1;
            }
            else
            {
                // At least half a level wide, so that a neighbour keeps a chance of one in six.
                var centre = middles[around];
                var width = Math.Max(spread, 0.5 * (domain.LevelEdge(around + 1) - domain.LevelEdge(around)));
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
                logMasses[(own * all) + around] = Exact.Log(masses[own] / total);
                cumulative[(around * all) + own] = running;
            }
        }
    }
}
