using Orchestrator.Search;

namespace Orchestrator.Cli.Bench.Search;

/// <summary>How sure a comparison of means is, by drawing the seeds again (Efron, 1979).</summary>
internal static class Bootstrap
{
    private const int Draws = 2000;

    /// <summary>The interval in which 95 % of the ratios of the peer's mean to ours lie; both are means over functions of means over seeds.</summary>
    public static (double Low, double High) Ratio(IReadOnlyList<(IReadOnlyList<double> Ours, IReadOnlyList<double> Peer)> functions)
    {
        var ratios = new double[Draws];
        for (var draw = 0; draw < Draws; draw++)
        {
            var (ours, peer) = (0.0, 0.0);
            for (var f = 0; f < functions.Count; f++)
            {
                ours += Mean(functions[f].Ours, draw, 2 * f);
                peer += Mean(functions[f].Peer, draw, (2 * f) + 1);
            }

            ratios[draw] = peer / Math.Max(ours, double.Epsilon);
        }

        Array.Sort(ratios);
        return (ratios[(int)(0.025 * Draws)], ratios[(int)(0.975 * Draws)]);
    }

    private static double Mean(IReadOnlyList<double> values, int draw, int side)
    {
        var sum = 0.0;
        for (var i = 0; i < values.Count; i++)
        {
            sum += values[(int)(values.Count * Orchestrator.Search.Draws.Unit(1, draw, side, i))];
        }

        return sum / values.Count;
    }
}
