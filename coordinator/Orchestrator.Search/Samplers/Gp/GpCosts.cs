namespace Orchestrator.Search;

/// <summary>One cost for each ended trial, for a model that wants numbers of all of them.</summary>
internal static class GpCosts
{
    /// <summary>How much of the plain sum there is in a scalarised cost: enough to prefer the better of two that are equal in the worst objective.</summary>
    private const double SumShare = 0.05;

    /// <param name="trials">Ended, at least one with values.</param>
    /// <param name="preference">One weight for each goal: what the objectives are worth to each other.</param>
    public static double[] Of(History history, int[] trials, double[] preference)
    {
        var costs = Array.ConvertAll(trials, _ => double.NaN);
        var valued = Enumerable.Range(0, trials.Length).Where(i => history.Costs[trials[i]].Length > 0).ToArray();
        var scalars = Scalarize([.. valued.Select(i => history.Costs[trials[i]])], preference);
        for (var k = 0; k < valued.Length; k++)
        {
            costs[valued[k]] = scalars[k];
        }

        // A trial that was stopped has not shown all it can, but its stopper had seen better ones: no better than the median of those that went on to their end.
        var ended = valued.Where(i => history.States[trials[i]] == ObservedState.Succeeded).Select(i => costs[i]).Order().ToArray();
        foreach (var i in valued.Where(i => history.States[trials[i]] == ObservedState.Stopped && ended.Length > 0))
        {
            costs[i] = Math.Max(costs[i], ended[ended.Length / 2]);
        }

        // What misses a constraint is worse than all that do not, by how far; what failed is as bad as the worst.
        var feasible = valued.Where(i => history.Violations[trials[i]] == 0).ToArray();
        var (lowest, highest) = feasible.Length > 0 ? (feasible.Min(i => costs[i]), feasible.Max(i => costs[i])) : (0, 0);
        var farthest = trials.Max(trial => history.Violations[trial]);
        foreach (var i in valued.Where(i => history.Violations[trials[i]] > 0))
        {
            costs[i] = highest + ((highest > lowest ? highest - lowest : 1) * history.Violations[trials[i]] / farthest);
        }

        var worst = valued.Max(i => costs[i]);
        return Array.ConvertAll(costs, cost => double.IsNaN(cost) ? worst : cost);
    }

    /// <summary>
    /// Several costs as one, by the weighted distance in the worst of them from the best so far in each (the augmented Chebyshev norm of Knowles, "ParEGO", 2006):
    /// every point of a front is best for some weights.
    /// </summary>
    private static double[] Scalarize(double[][] costs, double[] preference)
    {
        if (preference.Length == 1)
        {
            return Array.ConvertAll(costs, cost => cost[0]);
        }

        var scalars = new double[costs.Length];
        var sums = new double[costs.Length];
        for (var goal = 0; goal < preference.Length; goal++)
        {
            var (low, high) = (costs.Min(cost => cost[goal]), costs.Max(cost => cost[goal]));
            for (var i = 0; i < costs.Length; i++)
            {
                var share = high > low ? preference[goal] * (costs[i][goal] - low) / (high - low) : 0;
                scalars[i] = Math.Max(scalars[i], share);
                sums[i] += share;
            }
        }

        Lanes.AddScaled(SumShare, sums, scalars);
        return scalars;
    }
}
