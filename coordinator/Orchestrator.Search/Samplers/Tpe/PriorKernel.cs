namespace Orchestrator.Search;

/// <summary>
/// One dimension's density before any trial: even over the domain, or what the file says is believed of it (as in Souza and others, "Bayesian optimization with a
/// prior for the optimum", 2021, section 3: the belief stands beside what the better trials say, and counts less the more of them there are).
/// </summary>
internal sealed class PriorKernel
{
    private readonly Dimension dimension;

    /// <summary>The bell's centre and width in the coordinate; a width of 0 for an even density.</summary>
    private readonly double centre;
    private readonly double width;

    /// <summary>By level: running sums of its probability; empty where the parameter counts as continuous.</summary>
    private readonly double[] cumulative = [];

    /// <summary>By level: log of its probability; empty where the parameter counts as continuous.</summary>
    private readonly double[] logMasses = [];

    /// <summary>log of what the bell's density is divided by.</summary>
    private readonly double logScale;

    /// <param name="believes">False for the even density, whatever the parameter's prior.</param>
    public PriorKernel(Dimension dimension, bool believes)
    {
        this.dimension = dimension;
        var prior = believes ? dimension.Parameter.Prior : null;
        if (prior?.At is { } at)
        {
            (centre, width) = (dimension.Parameter.Domain.ToUnit(at), prior.Spread);
            logScale = Exact.Log(width * Mass(0, 1));
        }

        if (!ParzenEstimator.IsContinuous(dimension))
        {
            var (levels, domain) = ((int)dimension.Levels!.Value, dimension.Parameter.Domain);
            cumulative = prior is null ? [] : Cumulative(levels, prior.Weights);
            logMasses = [.. Enumerable.Range(0, levels).Select(level => Exact.Log(prior is null
                ? domain.LevelEdge(level + 1) - domain.LevelEdge(level)
                : cumulative[level] - (level == 0 ? 0 : cumulative[level - 1])))];
        }
    }

    /// <summary>log of the density at the coordinate; of the probability of its level where there are levels.</summary>
    public double LogDensity(double coordinate)
    {
        if (logMasses.Length > 0)
        {
            return logMasses[dimension.Parameter.Domain.LevelOf(Dimension.Clamp(coordinate))];
        }

        return width == 0 ? 0 : Normal.LogDensity((coordinate - centre) / width) - logScale;
    }

    /// <summary>The coordinate with that share of the probability below it.</summary>
    public double Draw(double share)
    {
        if (cumulative.Length > 0)
        {
            var level = 0;
            while (level < cumulative.Length - 1 && share >= cumulative[level])
            {
                level++;
            }

            return dimension.Middle(level);
        }

        return dimension.Snap(width == 0 ? share : ParzenEstimator.DrawCut(centre, width, share));
    }

    private double[] Cumulative(int levels, IReadOnlyList<double> weights)
    {
        var masses = new double[levels];
        for (var level = 0; level < levels; level++)
        {
            masses[level] = weights.Count > 0 ? weights[level]
                : Math.Max(Mass(dimension.Parameter.Domain.LevelEdge(level), dimension.Parameter.Domain.LevelEdge(level + 1)), 1e-12);
        }

        var total = Lanes.Sum(masses);
        var running = 0.0;
        return Array.ConvertAll(masses, mass => running += mass / total);
    }

    private double Mass(double from, double to) => Normal.Cdf((to - centre) / width) - Normal.Cdf((from - centre) / width);
}
