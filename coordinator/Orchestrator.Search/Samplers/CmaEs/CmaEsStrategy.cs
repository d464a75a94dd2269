namespace Orchestrator.Search;

/// <summary>
/// The numbers that a run of CMA-ES keeps to: Table 1 of Hansen, "The CMA evolution strategy: a tutorial" (2016, arXiv 1604.00772), negative weights included.
/// </summary>
internal sealed class CmaEsStrategy
{
    /// <summary>
    /// With more dimensions the covariance is diagonal: a full one takes about ten times its number of entries in trials to learn, more than sweeps have.
    /// </summary>
    public const int MostFullDimensions = 25;

    /// <param name="dimensions">Of order, n.</param>
    /// <param name="population">lambda, at least 4.</param>
    public CmaEsStrategy(int dimensions, int population)
    {
        double n = Math.Max(1, dimensions);
        Population = population;
        IsSeparable = dimensions > MostFullDimensions;
        var raw = new double[population];
        for (var i = 0; i < population; i++)
        {
            raw[i] = Exact.Log((population + 1) / 2.0) - Exact.Log(i + 1);
        }

        Parents = population / 2;
        Mass = MassOf(raw.AsSpan(0, Parents));
        var negativeMass = MassOf(raw.AsSpan(Parents));
        StepPathRate = (Mass + 2) / (n + Mass + 5);
        StepDamping = 1 + (2 * Math.Max(0, Math.Sqrt((Mass - 1) / (n + 1)) - 1)) + StepPathRate;
        PathRate = (4 + (Mass / n)) / (n + 4 + (2 * Mass / n));
        RankOneRate = 2 / (((n + 1.3) * (n + 1.3)) + Mass);
        RankMuRate = Math.Min(1 - RankOneRate, 2 * (Mass - 2 + (1 / Mass)) / (((n + 2) * (n + 2)) + Mass));
        if (IsSeparable)
        {
            // Ros and Hansen, "A simple modification in CMA-ES achieving linear time and space complexity" (2008): fewer entries are learned faster.
            RankOneRate = Math.Min(RankOneRate * (n + 2) / 3, 0.5);
            RankMuRate = Math.Min(RankMuRate * (n + 2) / 3, 1 - RankOneRate);
        }

        ExpectedLength = Math.Sqrt(n) * (1 - (1 / (4 * n)) + (1 / (21 * n * n)));
        Weights = WeightsOf(raw, n, negativeMass);
    }

    /// <summary>lambda: trials of a generation.</summary>
    public int Population { get; }

    /// <summary>mu: how many of them, the best, make the next mean.</summary>
    public int Parents { get; }

    public bool IsSeparable { get; }

    /// <summary>By rank, best first, [lambda]: the first mu sum to 1, the others are below 0.</summary>
    public double[] Weights { get; }

    /// <summary>mu_eff, the variance-effective number of parents.</summary>
    public double Mass { get; }

    /// <summary>c_sigma</summary>
    public double StepPathRate { get; }

    /// <summary>d_sigma</summary>
    public double StepDamping { get; }

    /// <summary>c_c</summary>
    public double PathRate { get; }

    /// <summary>c_1</summary>
    public double RankOneRate { get; }

    /// <summary>c_mu</summary>
    public double RankMuRate { get; }

    /// <summary>Of a draw from the n-dimensional standard normal distribution.</summary>
    public double ExpectedLength { get; }

    public static int DefaultPopulation(int dimensions) => 4 + (int)Math.Floor(3 * Exact.Log(Math.Max(1, dimensions)));

    private double[] WeightsOf(double[] raw, double n, double negativeMass)
    {
        var (positive, negative) = (0.0, 0.0);
        foreach (var weight in raw)
        {
            positive += Math.Max(0, weight);
            negative += Math.Max(0, -weight);
        }

        var share = Math.Min(
            1 + (RankOneRate / RankMuRate),
            Math.Min(1 + (2 * negativeMass / (Mass + 2)), (1 - RankOneRate - RankMuRate) / (n * RankMuRate)));
        return Array.ConvertAll(raw, weight => weight >= 0 ? weight / positive : share * weight / negative);
    }

    private static double MassOf(ReadOnlySpan<double> weights)
    {
        var (sum, squares) = (0.0, 0.0);
        foreach (var weight in weights)
        {
            sum += weight;
            squares += weight * weight;
        }

        return sum * sum / squares;
    }
}
