namespace Orchestrator.Search;

/// <summary>A piecewise constant function on the unit cube, grown from points as one tree of a random forest: Breiman, "Random forests" (2001).</summary>
internal sealed class RegressionTree
{
    private const int LeastInLeaf = 3;

    private readonly List<Leaf> leaves = [];
    private readonly double[][] points;
    private readonly double[] values;
    private readonly long seed;
    private readonly int tree;
    private int splits;

    private RegressionTree(double[][] points, double[] values, long seed, int tree) => (this.points, this.values, this.seed, this.tree) = (points, values, seed, tree);

    /// <param name="points">[rows][dimensions], in [0, 1].</param>
    /// <param name="tree">Its number: which dimensions a split may take is drawn by it.</param>
    public static RegressionTree Grow(double[][] points, double[] values, long seed, int tree)
    {
        var grown = new RegressionTree(points, values, seed, tree);
        var dimensions = points[0].Length;
        grown.Split([.. Enumerable.Range(0, points.Length)], new double[dimensions], [.. Enumerable.Repeat(1.0, dimensions)]);
        return grown;
    }

    /// <summary>The function's variance over the cube, and that of its mean over all other dimensions: exact, by the leaves' boxes.</summary>
    public (double Total, double[] Alone) Decompose()
    {
        var mean = leaves.Sum(leaf => leaf.Volume * leaf.Value);
        var total = leaves.Sum(leaf => leaf.Volume * (leaf.Value - mean) * (leaf.Value - mean));
        var alone = new double[points[0].Length];
        for (var dimension = 0; dimension < alone.Length; dimension++)
        {
            double[] edges = [.. leaves.SelectMany(leaf => new[] { leaf.Low[dimension], leaf.High[dimension] }).Distinct().Order()];
            for (var edge = 0; edge + 1 < edges.Length; edge++)
            {
                var (low, high) = (edges[edge], edges[edge + 1]);
                var marginal = leaves.Where(leaf => leaf.Low[dimension] <= low && leaf.High[dimension] >= high)
                    .Sum(leaf => leaf.Value * leaf.Volume / (leaf.High[dimension] - leaf.Low[dimension]));
                alone[dimension] += (high - low) * (marginal - mean) * (marginal - mean);
            }
        }

        return (total, alone);
    }

    private void Split(int[] rows, double[] low, double[] high)
    {
        if (rows.Length < 2 * LeastInLeaf || Best(rows) is not { } cut)
        {
            leaves.Add(new Leaf(low, high, rows.Average(row => values[row])));
            return;
        }

        Split([.. rows.Where(row => points[row][cut.Dimension] < cut.At)], low, [.. high.Select((edge, dimension) => dimension == cut.Dimension ? cut.At : edge)]);
        Split([.. rows.Where(row => points[row][cut.Dimension] >= cut.At)], [.. low.Select((edge, dimension) => dimension == cut.Dimension ? cut.At : edge)], high);
    }

    /// <summary>The cut that leaves the least squares, among two thirds of the dimensions; null where none divides anything.</summary>
    private (int Dimension, double At)? Best(int[] rows)
    {
        var dimensions = points[0].Length;
        var split = splits++;
        var tried = Enumerable.Range(0, dimensions).OrderBy(dimension => Draws.Bits(seed, tree, 1_000_000 + split, dimension)).Take(((2 * dimensions) + 2) / 3);
        var sum = rows.Sum(row => values[row]);
        (int, double)? best = null;
        // What is left falls as the sum of squared sums over counts rises.
        var most = (sum * sum / rows.Length) + 1e-12;
        foreach (var dimension in tried)
        {
            var sorted = rows.OrderBy(row => points[row][dimension]).ThenBy(row => row).ToArray();
            var left = 0.0;
            for (var i = 1; i <= sorted.Length - LeastInLeaf; i++)
            {
                left += values[sorted[i - 1]];
                var (before, after) = (points[sorted[i - 1]][dimension], points[sorted[i]][dimension]);
                if (i < LeastInLeaf || before == after)
                {
                    continue;
                }

                var gain = (left * left / i) + ((sum - left) * (sum - left) / (sorted.Length - i));
                if (gain > most)
                {
                    (most, best) = (gain, (dimension, before + ((after - before) / 2)));
                }
            }
        }

        return best;
    }

    private sealed record Leaf(double[] Low, double[] High, double Value)
    {
        public double Volume { get; } = Low.Zip(High, (low, high) => high - low).Aggregate(1.0, (volume, width) => volume * width);
    }
}
