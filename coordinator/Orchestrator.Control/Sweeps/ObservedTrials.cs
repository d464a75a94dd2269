using System.Collections;
using System.Collections.Immutable;
using Orchestrator.Search;

namespace Orchestrator.Control.Sweeps;

/// <summary>The trials as samplers may see them: as far as logical time has come. A view; nothing is copied until it is asked for.</summary>
internal sealed class ObservedTrials(ImmutableList<Trial> trials) : IReadOnlyList<ObservedTrial>
{
    public int Count => trials.Count;

    public ObservedTrial this[int index] => See(trials[index]);

    public IEnumerator<ObservedTrial> GetEnumerator() => trials.Select(See).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static ObservedTrial See(Trial trial) => new(trial.Number, trial.Parameters, StateOf(trial.Status), trial.Values, trial.Value);

    private static ObservedState StateOf(TrialStatus status) => status switch
    {
        TrialStatus.Succeeded => ObservedState.Succeeded,
        TrialStatus.Stopped => ObservedState.Stopped,
        TrialStatus.Failed or TrialStatus.Cancelled => ObservedState.Failed,
        _ => ObservedState.Running,
    };
}
