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
        Violations = new double[count];
        Ticks = new int[count];
    }

    public ParameterAssignment[] Parameters { get; }

    /// <summary>By trial: its coordinates, NaN where a parameter does not apply. Shared; not to be written to.</summary>
    public double[][] Points { get; }

    public ObservedState[] States { get; }

    /// <summary>By trial: a cost for each goal; empty where the trial has no values.</summary>
    public double[][] Costs { get; }

    /// <summary>By trial: 0 where its constraints hold.</summary>
    public double[] Violations { get; }

    /// <summary>By trial: how many reports it made.</summary>
    public int[] Ticks { get; }

    public int Count => Points.Length;

    /// <summary>How many have ended, with values or without.</summary>
    public int Ended { get; private set; }

    /// <summary>How many have ended with values.</summary>
    public int Valued { get; private set; }

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
            history.Ticks[i] = observed.Reports.Count;
            history.Ended += ended ? 1 : 0;
            history.Valued += valued ? 1 : 0;
            i++;
        }

        return history;
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
