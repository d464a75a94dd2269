using Orchestrator.Control.Sweeps;
using Orchestrator.Search;
using Orchestrator.Specs;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>What a sweep learns of an earlier one: its trials that lie in the new space and have values for the new objectives.</summary>
internal static class WarmStart
{
    /// <exception cref="SpecException">None does.</exception>
    public static IReadOnlyList<ObservedTrial> Of(SweepSettings settings, SweepState earlier, string fileName)
    {
        var trials = earlier.Trials.Select(trial => See(settings, earlier, trial)).OfType<ObservedTrial>().ToArray();
        return trials.Length > 0
            ? trials
            : throw new SpecException(new SpecError(
                "empty-space", $"no trial of sweep '{earlier.Id}' lies in this space and has a value for {settings.Objective.Metric}", "name a sweep over the same parameters", fileName, Field: "search.warm_start"));
    }

    private static ObservedTrial? See(SweepSettings settings, SweepState earlier, Trial trial)
    {
        var failed = trial.Status == TrialStatus.Failed;
        if (!settings.Space.Contains(trial.Parameters) || (trial.Value is null && !failed))
        {
            return null;
        }

        var values = failed ? [] : ((Objective[])[settings.Objective, .. settings.Others]).Select(objective => objective.In(trial.Standing!.Metrics)).OfType<double>().ToArray();
        if (!failed && values.Length != settings.Goals.Count)
        {
            return null;
        }

        var state = failed ? ObservedState.Failed : trial.Status == TrialStatus.Stopped ? ObservedState.Stopped : ObservedState.Succeeded;
        IReadOnlyList<double?> reports = settings.Objective.Metric == earlier.Settings!.Objective.Metric ? trial.Values : [];
        return new ObservedTrial(trial.Number, trial.Parameters, state, reports, values)
        {
            Constraints = failed ? [] : [.. settings.Constraints.Select(constraint => constraint.MissedBy(trial.Standing!.Metrics))],
        };
    }
}
