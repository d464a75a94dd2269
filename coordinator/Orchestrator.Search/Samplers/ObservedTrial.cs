using System.Text.Json.Serialization;

namespace Orchestrator.Search;

public enum ObservedState
{
    /// <summary>Suggested, running or paused: it may have reports, and will have values later.</summary>
    Running,
    Succeeded,

    /// <summary>Ended early by a stopper: its values are those of a trial that was not trained to the end.</summary>
    Stopped,

    /// <summary>Ended without values: diverged, a user's error, cancelled.</summary>
    Failed,
}

/// <summary>A trial as samplers and stoppers see it.</summary>
/// <param name="Reports">The first objective at the ticks so far, first tick first; null where a report had none.</param>
/// <param name="Values">What it came to, one finite number for each of the study's goals in their own sense; empty while it has none.</param>
[method: JsonConstructor]
public sealed record ObservedTrial(
    int Number, ParameterAssignment Parameters, ObservedState State, IReadOnlyList<double?> Reports, IReadOnlyList<double> Values)
{
    /// <summary>A trial of one objective.</summary>
    public ObservedTrial(int number, ParameterAssignment parameters, ObservedState state, IReadOnlyList<double?> reports, double? value)
        : this(number, parameters, state, reports, value is { } known ? [known] : (IReadOnlyList<double>)[])
    {
    }

    /// <summary>One number for each constraint on the trial's metrics: at most 0 where it holds, above 0 by how far it is missed. Empty without constraints.</summary>
    public IReadOnlyList<double> Constraints { get; init; } = [];

    /// <summary>The report after which it first rested at a rung, promoted since or not; 0 where it never did.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int FirstRest { get; init; }

    /// <summary>The first objective; null while it has none.</summary>
    public double? Value => Values.Count > 0 ? Values[0] : null;

    /// <summary>By how far its constraints are missed, all together; 0 for a feasible trial.</summary>
    public double Violation
    {
        get
        {
            var sum = 0.0;
            for (var i = 0; i < Constraints.Count; i++)
            {
                sum += Math.Max(0, Constraints[i]);
            }

            return sum;
        }
    }
}
