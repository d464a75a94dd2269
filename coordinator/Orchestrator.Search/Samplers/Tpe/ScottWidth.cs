namespace Orchestrator.Search;

/// <summary>
/// Scott's rule for a product of kernels ("Multivariate density estimation", 1992): as wide as the points' spread asks for, less with more of them. The rule is made
/// for points of one cluster, those of a search lie in several, hence the smaller factor. A few points say little of their spread, which may be 0 by chance, so
/// that some even ones are counted with them.
/// </summary>
internal readonly struct ScottWidth
{
    private const double Factor = 0.6;
    private const double EvenVariance = 1.0 / 12;

    private readonly double share;
    private readonly double evenPoints;
    private readonly double total;

    /// <param name="evenPoints">Points spread evenly over the domain that are counted with the others: many for kernels as wide as the domain asks for.</param>
    public ScottWidth(int points, int dimensions, double evenPoints)
    {
        this.evenPoints = evenPoints;
        total = points + evenPoints;
        share = Factor * Exact.Exp(-Exact.Log(points + 1) / (dimensions + 4));
    }

    /// <summary>The kernels' standard deviation in one dimension.</summary>
    /// <param name="sum">Of the points' distances from the middle of the domain.</param>
    /// <param name="squares">The sum of their squares.</param>
    public double Of(double sum, double squares)
    {
        var mean = sum / total;
        return share * Math.Sqrt(Math.Max(0, ((squares + (evenPoints * EvenVariance)) / total) - (mean * mean)));
    }
}
