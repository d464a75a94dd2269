namespace Orchestrator.Search;

/// <summary>Several costs at once: which points are dominated by others, and by how much a front covers.</summary>
public static class ParetoFront
{
    /// <summary>Nowhere worse, and better somewhere.</summary>
    public static bool Dominates(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var better = false;
        for (var i = 0; i < a.Length; i++)
        {
            if (a[i] > b[i])
            {
                return false;
            }

            better |= a[i] < b[i];
        }

        return better;
    }

    /// <summary>
    /// By front: 0 for points that none dominates, 1 for those that only these dominate, and so on. In the order of their costs a point is dominated by earlier
    /// ones alone, so that it takes the first front of which none dominates it, found by halving (Zhang and others, "An efficient approach to nondominated
    /// sorting", 2015).
    /// </summary>
    public static int[] Fronts(IReadOnlyList<double[]> costs)
    {
        var order = Enumerable.Range(0, costs.Count).ToArray();
        Array.Sort(order, (a, b) => Compare(costs[a], costs[b]) is var byCost and not 0 ? byCost : a.CompareTo(b));
        var fronts = new List<List<int>>();
        var front = new int[costs.Count];
        foreach (var point in order)
        {
            var (low, high) = (0, fronts.Count);
            while (low < high)
            {
                var middle = (low + high) / 2;
                if (IsDominated(costs, fronts[middle], point))
                {
                    low = middle + 1;
                }
                else
                {
                    high = middle;
                }
            }

            if (low == fronts.Count)
            {
                fronts.Add([]);
            }

            fronts[low].Add(point);
            front[point] = low;
        }

        return front;
    }

    /// <summary>The points' indices by front, and in a front by falling crowding distance: the ends of each cost first, then those with much room around them.</summary>
    public static int[] Order(IReadOnlyList<double[]> costs)
    {
        var fronts = Fronts(costs);
        var crowding = Crowding(costs, fronts);
        var order = Enumerable.Range(0, costs.Count).ToArray();
        Array.Sort(order, (a, b) =>
            fronts[a] != fronts[b] ? fronts[a].CompareTo(fronts[b])
            : crowding[a] != crowding[b] ? crowding[b].CompareTo(crowding[a])
            : a.CompareTo(b));
        return order;
    }

    /// <summary>
    /// By point: how far apart its neighbours in its front are, over all costs (Deb and others, "A fast and elitist multiobjective genetic algorithm: NSGA-II",
    /// 2002). Infinite at the ends.
    /// </summary>
    public static double[] Crowding(IReadOnlyList<double[]> costs, int[] fronts)
    {
        var crowding = new double[costs.Count];
        foreach (var front in Enumerable.Range(0, costs.Count).GroupBy(point => fronts[point]))
        {
            var members = front.ToArray();
            for (var cost = 0; cost < costs[members[0]].Length; cost++)
            {
                Array.Sort(members, (a, b) => costs[a][cost] != costs[b][cost] ? costs[a][cost].CompareTo(costs[b][cost]) : a.CompareTo(b));
                var width = costs[members[^1]][cost] - costs[members[0]][cost];
                crowding[members[0]] = crowding[members[^1]] = double.PositiveInfinity;
                for (var i = 1; i < members.Length - 1 && width > 0; i++)
                {
                    crowding[members[i]] += (costs[members[i + 1]][cost] - costs[members[i - 1]][cost]) / width;
                }
            }
        }

        return crowding;
    }

    /// <summary>
    /// The volume that the points dominate, up to a reference point; of any number of costs (by slices along the last one, as in While and others, "A fast way
    /// of calculating exact hypervolumes", 2012, but plainer). Exponential in the number of costs.
    /// </summary>
    public static double Hypervolume(IReadOnlyList<double[]> costs, double[] reference)
    {
        var inside = costs.Where(point => point.Zip(reference).All(pair => pair.First < pair.Second)).ToArray();
        return Volume(inside, reference, reference.Length);
    }

    private static double Volume(double[][] points, double[] reference, int costs)
    {
        if (points.Length == 0)
        {
            return 0;
        }

        if (costs == 1)
        {
            return reference[0] - points.Min(point => point[0]);
        }

        var last = costs - 1;
        var sorted = points.OrderBy(point => point[last]).ToArray();
        var volume = 0.0;
        for (var i = 0; i < sorted.Length; i++)
        {
            var thickness = (i + 1 < sorted.Length ? sorted[i + 1][last] : reference[last]) - sorted[i][last];
            if (thickness > 0)
            {
                volume += thickness * Volume(sorted[..(i + 1)], reference, last);
            }
        }

        return volume;
    }

    private static bool IsDominated(IReadOnlyList<double[]> costs, List<int> front, int point)
    {
        for (var i = front.Count - 1; i >= 0; i--)
        {
            if (Dominates(costs[front[i]], costs[point]))
            {
                return true;
            }
        }

        return false;
    }

    private static int Compare(double[] a, double[] b)
    {
        for (var i = 0; i < a.Length; i++)
        {
            if (a[i] != b[i])
            {
                return a[i].CompareTo(b[i]);
            }
        }

        return 0;
    }
}
