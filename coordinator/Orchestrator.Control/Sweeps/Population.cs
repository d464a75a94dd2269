using System.Globalization;
using Orchestrator.Search;

namespace Orchestrator.Control.Sweeps;

/// <summary>
/// The exchange of a population. Members rest at its epoch until all have come there, so everybody is compared with everybody, in whatever order reports came in; and
/// a member whose checkpoint is copied stands right there.
/// </summary>
internal static class Population
{
    /// <summary>Nobody is due: those who rest are compared, the worst end, new ones begin where the best stand, and the others go on.</summary>
    /// <returns>Whether something is due again.</returns>
    public static bool Exchange(Turn turn, DateTimeOffset at)
    {
        var (state, settings) = (turn.State, turn.State.Settings!);
        if (settings.Population is not { } population || state.Trials.FindAll(trial => trial.Status == TrialStatus.Resting) is not { IsEmpty: false } resting)
        {
            return false;
        }

        if (state.Closed.Length > 0)
        {
            resting.ForEach(trial => Stop(turn, trial, state.Closed, at));
            return false;
        }

        var training = new PopulationTraining(population);
        var ranked = resting.Select(trial => RungEntry.Of(settings.Objective.Goal, trial.Number, WorthOf(settings, trial))).Order().ToArray();
        var replacements = training.Exchange(
            ranked, Vacancies(state, resting.Count), settings.Seed, state.Trials.Count, Math.Max(0, settings.Trials - state.Trials.Count));
        foreach (var (loser, source) in replacements.Where(replacement => replacement.Loser is not null).Select(replacement => (state.Trials[replacement.Loser!.Value], replacement.Source)))
        {
            var rank = Array.FindIndex(ranked, entry => entry.Trial == loser.Number) + 1;
            Stop(turn, loser, string.Create(CultureInfo.InvariantCulture, $"exchange at epoch {loser.Values.Length}: rank {rank} of {ranked.Length}, gave way to a copy of trial {source}"), at);
        }

        foreach (var (_, source) in replacements)
        {
            var (number, from) = (turn.State.Trials.Count, state.Trials[source]);
            turn.Emit(new SweepEvent.TrialSuggested(
                number, training.Explore(settings.Space, settings.Seed, number, from.Parameters), turn.State.Clock,
                string.Create(CultureInfo.InvariantCulture, $"from trial {source} at epoch {from.Values.Length}, with other parameters"),
                new TrialOrigin(source, from.Attempt, from.Values.Length)));
        }

        for (var place = 0; place < ranked.Length; place++)
        {
            if (turn.State.Trials[ranked[place].Trial] is { HasEnded: false } trial)
            {
                turn.Emit(new SweepEvent.TrialContinued(trial.Number, trial.Values.Length, place + 1, ranked.Length, turn.State.Clock));
            }
        }

        return true;
    }

    /// <summary>Members that failed, or that a stopper ended. One whose training has come to its end is not missed.</summary>
    private static int Vacancies(SweepState state, int resting) =>
        Math.Max(0, state.Settings!.Parallel - resting - state.Trials.Count(trial => trial.Status == TrialStatus.Succeeded));

    /// <summary>What its weights are worth now, not what they were at their best: it is they that are copied.</summary>
    private static double? WorthOf(SweepSettings settings, Trial trial) =>
        settings.Objective.At == ReportChoice.LastMean ? trial.Standing?.Value : trial.Values[^1];

    private static void Stop(Turn turn, Trial trial, string why, DateTimeOffset at) =>
        turn.Emit(new SweepEvent.TrialStopped(trial.Number, trial.Values.Length, why, null, null, turn.State.Clock, at));
}
