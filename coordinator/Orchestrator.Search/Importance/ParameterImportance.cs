namespace Orchestrator.Search;

/// <param name="Share">Of the objective's variance over the space, by this parameter alone; what is left is in combinations of parameters.</param>
public sealed record ParameterImportance(string Parameter, double Share)
{
    private const int Trees = 64;

    /// <summary>Fewer say nothing.</summary>
    private const int LeastTrials = 10;

    /// <summary>More make it slower and hardly better.</summary>
    private const int MostTrials = 2000;

    /// <summary>
    /// Functional ANOVA over a forest: Hutter, Hoos and Leyton-Brown, "An efficient approach for assessing hyperparameter importance" (ICML 2014). Of the first objective; a
    /// parameter that does not apply to a trial counts as the middle of its domain there. Equal trials and seeds give equal shares.
    /// </summary>
    /// <returns>The most important first; empty where fewer than ten trials have values, or where all values are equal.</returns>
    public static IReadOnlyList<ParameterImportance> Of(SearchSpace space, IReadOnlyList<ObservedTrial> trials, long seed)
    {
        var valued = trials.Where(trial => trial.Value is not null && trial.Violation <= 0).ToArray();
        if (valued.Length < LeastTrials)
        {
            return [];
        }

        var every = (valued.Length + MostTrials - 1) / MostTrials;
        valued = [.. valued.Where((_, place) => place % every == 0)];
        double[][] points =
        [
            .. valued.Select(trial => space.Parameters
                .Select(parameter => trial.Parameters.TryGetValue(parameter.Name, out var value) ? Math.Clamp(parameter.Domain.ToUnit(value), 0, 1) : 0.5).ToArray()),
        ];
        double[] values = [.. valued.Select(trial => trial.Value!.Value)];
        var shares = new double[space.Parameters.Count];
        var counted = 0;
        for (var tree = 0; tree < Trees; tree++)
        {
            var sample = Enumerable.Range(0, values.Length).Select(draw => (int)(Draws.Bits(seed, tree, draw) % (ulong)values.Length)).ToArray();
            var variance = RegressionTree.Grow([.. sample.Select(row => points[row])], [.. sample.Select(row => values[row])], seed, tree).Decompose();
            if (variance.Total <= 0)
            {
                continue;
            }

            counted++;
            for (var dimension = 0; dimension < shares.Length; dimension++)
            {
                shares[dimension] += variance.Alone[dimension] / variance.Total;
            }
        }

        return counted == 0
            ? []
            : [.. space.Parameters.Select((parameter, dimension) => new ParameterImportance(parameter.Name, shares[dimension] / counted)).OrderByDescending(importance => importance.Share)];
    }
}
