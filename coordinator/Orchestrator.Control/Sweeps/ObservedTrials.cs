using System.Collections;
using System.Collections.Immutable;
using Orchestrator.Search;

namespace Orchestrator.Control.Sweeps;

/// <summary>
/// The trials as samplers and stoppers may see them: those of earlier sweeps, then this one's as far as logical time has come, numbered together. A view; nothing is
/// copied until it is asked for.
/// </summary>
public sealed class ObservedTrials(SweepSettings settings, ImmutableList<Trial> trials) : IReadOnlyList<ObservedTrial>
{
    public int Count => settings.Earlier.Count + trials.Count;

    public ObservedTrial this[int index] => index < settings.Earlier.Count ? settings.Earlier[index] : See(trials[index - settings.Earlier.Count]);

    public IEnumerator<ObservedTrial> GetEnumerator() => settings.Earlier.Concat(trials.Select(See)).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private ObservedTrial See(Trial trial) => new(
        settings.Earlier.Count + trial.Number, trial.Parameters, StateOf(trial.Status), trial.Values, Ranking.ValuesOf(settings, trial) ?? [])
    {
        Constraints = Ranking.ViolationsOf(settings, trial),
        FirstRest = FirstRestOf(trial),
    };

    private int FirstRestOf(Trial trial) =>
        trial.Rung is not null && settings.Stopper is { } stopper && StopperCatalog.Halving(stopper)?.BracketOf(trial.Number, settings.Trials).Rungs is { Count: > 0 } rungs ? rungs[0] : 0;

    private static ObservedState StateOf(TrialStatus status) => status switch
    {
        TrialStatus.Succeeded => ObservedState.Succeeded,
        TrialStatus.Stopped => ObservedState.Stopped,
        TrialStatus.Failed or TrialStatus.Cancelled => ObservedState.Failed,
        _ => ObservedState.Running,
    };
}
