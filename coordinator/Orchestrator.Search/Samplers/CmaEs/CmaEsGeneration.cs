namespace Orchestrator.Search;

/// <summary>
/// Consecutive trials drawn from one distribution, as far as they are known: when their results count, and in which order. Under a stopper that pauses trials a
/// generation would never end, since most of it rests: it counts once each of its trials has come to the first rung at which one of them rested, and all are
/// compared by what they were worth there. Promotion changes no generation that has counted, so what was drawn since stays what it was: Optuna's pruned trials count
/// as well by the value that they had (<c>consider_pruned_trials</c>), and for good, since nothing wakes them.
/// </summary>
internal readonly struct CmaEsGeneration(History history, Goal goal, int start, int count)
{
    /// <summary>Whether its results count. One that failed on its way is known too.</summary>
    public bool IsKnown
    {
        get
        {
            if (start + count > history.Count)
            {
                return false;
            }

            var rung = Rung;
            for (var trial = start; trial < start + count; trial++)
            {
                if (history.States[trial] == ObservedState.Running && (rung == 0 || history.TicksOf(trial) < rung))
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Its trials, best first, with their costs; NaN for one that has none.</summary>
    public (int Trial, double Cost)[] Ranked()
    {
        var (known, costs, rung) = (history, goal, Rung);
        return rung == 0
            ? Array.ConvertAll(Ranking.BestFirst(known, start, start + count), trial => (trial, known.Costs[trial].Length > 0 ? known.Costs[trial][0] : double.NaN))
            : Ranking.BestFirstAt(known, start, start + count, trial => CostAt(known, costs, rung, trial));
    }

    /// <summary>The report by which its trials are compared; 0 where none ever rested, and only their ends count.</summary>
    private int Rung
    {
        get
        {
            var rung = 0;
            for (var trial = start; trial < start + count; trial++)
            {
                var rest = history.States[trial] == ObservedState.Failed ? 0 : history.FirstRests[trial];
                rung = rest > 0 && (rung == 0 || rest < rung) ? rest : rung;
            }

            return rung;
        }
    }

    private static double CostAt(History history, Goal goal, int rung, int trial) =>
        history.Reports[trial].Count == 0 && history.Costs[trial].Length > 0 ? history.Costs[trial][0] : History.LowestCost(history.Reports[trial], rung, goal);
}
