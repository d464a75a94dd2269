namespace Orchestrator.Search;

/// <summary>A study's trials as numbers: points of the unit cube and costs, where lower is better whatever the goal.</summary>
internal sealed class History
{
    private History(int count)
    {
        Parameters = new ParameterAssignment[count];
        Points = new double[count][];
        States = new ObservedState[count];
        Costs = new double[count][];
        Partial = new double[count];
        Violations = new double[count];
        Reports = new IReadOnlyList<double?>[count];
        FirstRests = new int[count];
    }

    public ParameterAssignment[] Parameters { get; }

    /// <summary>By trial: its coordinates, NaN where a parameter does not apply. Shared; not to be written to.</summary>
    public double[][] Points { get; }

    public ObservedState[] States { get; }

    /// <summary>By trial: a cost for each goal; empty where the trial has no values.</summary>
    public double[][] Costs { get; }

    /// <summary>By trial: the lowest cost reported so far by one that has not ended, of one objective; NaN without a report.</summary>
    public double[] Partial { get; }

    /// <summary>By trial: 0 where its constraints hold.</summary>
    public double[] Violations { get; }

    /// <summary>By trial: the first objective at its ticks so far.</summary>
    public IReadOnlyList<double?>[] Reports { get; }

    /// <summary>By trial: the report after which it first rested at a rung; 0 where it never did.</summary>
    public int[] FirstRests { get; }

    public int Count => Points.Length;

    /// <summary>How many have ended, with values or without.</summary>
    public int Ended { get; private set; }

    /// <summary>How many have ended with values.</summary>
    public int Valued { get; private set; }

    /// <summary>How many say something: those that have ended, and those with a report. Under a stopper that pauses trials most are paused.</summary>
    public int Informative { get; private set; }

    /// <param name="trial">The trials with lower numbers are looked at.</param>
    public static History Of(Study study, int trial)
    {
        var codec = study.Space.Codec;
        var goals = study.Goals;
        var history = new History(Math.Min(trial, study.Trials.Count));
        var i = 0;
        foreach (var observed in study.Trials)
        {
            if (i == history.Count)
            {
                break;
            }

            var ended = observed.State != ObservedState.Running;
            var valued = ended && observed.State != ObservedState.Failed && observed.Values.Count == goals.Count;
            history.Parameters[i] = observed.Parameters;
            history.Points[i] = codec.Encode(observed.Parameters);
            history.States[i] = ended && !valued ? ObservedState.Failed : observed.State;
            history.Costs[i] = valued ? CostsOf(observed.Values, goals) : [];
            history.Violations[i] = observed.Violation;
            history.Reports[i] = observed.Reports;
            history.FirstRests[i] = observed.FirstRest;
            history.Partial[i] = ended || goals.Count > 1 ? double.NaN : LowestCost(observed.Reports, observed.Reports.Count, goals[0]);
            history.Ended += ended ? 1 : 0;
            history.Informative += ended || !double.IsNaN(history.Partial[i]) ? 1 : 0;
            history.Valued += valued ? 1 : 0;
            i++;
        }

        return history;
    }

    /// <summary>The same with what running trials have reported as their value, as if they had been stopped.</summary>
    public History WithPartial()
    {
        var history = new History(Count) { Ended = Informative, Informative = Informative, Valued = Valued + Informative - Ended };
        for (var i = 0; i < Count; i++)
        {
            var isPartial = !double.IsNaN(Partial[i]);
            history.Parameters[i] = Parameters[i];
            history.Points[i] = Points[i];
            history.States[i] = isPartial ? ObservedState.Stopped : States[i];
            history.Costs[i] = isPartial ? [Partial[i]] : Costs[i];
            history.Partial[i] = double.NaN;
            history.Violations[i] = Violations[i];
            history.Reports[i] = Reports[i];
            history.FirstRests[i] = FirstRests[i];
        }

        return history;
    }

    /// <summary>By trial: how many reports it made.</summary>
    public int TicksOf(int trial) => Reports[trial].Count;

    /// <summary>The lowest cost of the first so many reports, or of all that there are; NaN where none had one.</summary>
    public static double LowestCost(IReadOnlyList<double?> reports, int count, Goal goal)
    {
        var lowest = double.NaN;
        for (var tick = 0; tick < Math.Min(count, reports.Count); tick++)
        {
            if (reports[tick] is { } value)
            {
                var cost = goal == Goal.Maximize ? -value : value;
                lowest = cost >= lowest ? lowest : cost;
            }
        }

        return lowest;
    }

    private static double[] CostsOf(IReadOnlyList<double> values, IReadOnlyList<Goal> goals)
    {
        var costs = new double[values.Count];
        for (var i = 0; i < costs.Length; i++)
        {
            costs[i] = goals[i] == Goal.Maximize ? -values[i] : values[i];
        }

        return costs;
    }
}
