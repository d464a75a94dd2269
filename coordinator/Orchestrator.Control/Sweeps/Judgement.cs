using System.Globalization;
using Orchestrator.Search;

namespace Orchestrator.Control.Sweeps;

/// <summary>What becomes of a trial after its report, and of the sweep after a trial's end: by the stopper, the rungs and the rule for the whole sweep.</summary>
internal static class Judgement
{
    /// <summary>After something of the trial was handled.</summary>
    public static void Judge(Turn turn, int number, DateTimeOffset at)
    {
        var trial = turn.State.Trials[number];
        if (!trial.HasEnded)
        {
            JudgeReport(turn, trial, at);
        }

        StopHopeless(turn, number, at);
        CloseWhereDone(turn, number, at);
    }

    /// <summary>Nothing is due and no slot can be filled: what rests is promoted once more, where none has been trained to the end, or stopped.</summary>
    /// <returns>Whether something is due again.</returns>
    public static bool Last(Turn turn, DateTimeOffset at)
    {
        if (turn.State.Ladder.Open.IsEmpty || StopperCatalog.Halving(turn.State.Settings!.Stopper!) is not { } halving)
        {
            return false;
        }

        // In a small sweep no rung may have had enough trials for one to go on.
        if (turn.State.Closed.Length == 0 && turn.State.Trials.All(trial => trial.Status != TrialStatus.Succeeded)
            && turn.State.Ladder.Foremost(halving, turn.State.TrialsInAll) is { } best)
        {
            Slots.Promote(turn, halving, best.Trial);
            return true;
        }

        while (!turn.State.Ladder.Open.IsEmpty)
        {
            var ladder = turn.State.Ladder;
            StopResting(turn, halving, ladder.Rungs[ladder.Open.Min].Resting.Max.Trial, at);
        }

        return false;
    }

    /// <summary>The rung at which a trial with so many reports rests.</summary>
    public static int RungOf(Bracket bracket, Trial trial) => bracket.NextRung(trial.Values.Length - 1);

    private static void JudgeReport(Turn turn, Trial trial, DateTimeOffset at)
    {
        var settings = turn.State.Settings!;
        var epoch = trial.Values.Length;
        if (settings.Stopper is { } stopper && (stopper.MaxEpochs == 0 || epoch < stopper.MaxEpochs))
        {
            JudgeByStopper(turn, trial, stopper, at);
        }

        if (settings.Population?.IsExchange(epoch) == true && !turn.State.Trials[trial.Number].HasEnded)
        {
            turn.Emit(new SweepEvent.TrialGathered(trial.Number, epoch, turn.State.Clock));
        }
    }

    private static void JudgeByStopper(Turn turn, Trial trial, StopperSettings stopper, DateTimeOffset at)
    {
        var (state, settings) = (turn.State, turn.State.Settings!);
        var epoch = trial.Values.Length;

        if (StopperCatalog.Halving(stopper) is { } halving)
        {
            var bracket = halving.BracketOf(trial.Number, state.TrialsInAll);
            var rung = RungOf(bracket, trial);
            if (rung < bracket.Rungs.Count && bracket.Rungs[rung] == epoch)
            {
                var value = trial.Standing?.Value;
                var entry = RungEntry.Of(settings.Objective.Goal, trial.Number, value);
                var others = state.Ladder.At(bracket.Index, rung).Entries;
                turn.Emit(new SweepEvent.TrialRested(
                    trial.Number, bracket.Index, rung, epoch, value, Rank(others.Add(entry), entry), others.Count + 1, state.Clock));
            }
        }
        else if (StopperCatalog.Stopper(stopper)!.WhyStop(settings.Objective.Score, Observed(settings, trial), new ObservedTrials(settings with { Earlier = [] }, state.Trials)) is { } why)
        {
            turn.Emit(new SweepEvent.TrialStopped(trial.Number, epoch, why, null, null, state.Clock, at));
        }
    }

    private static void StopHopeless(Turn turn, int number, DateTimeOffset at)
    {
        if (turn.State.Ladder.Open.IsEmpty || StopperCatalog.Halving(turn.State.Settings!.Stopper!) is not { } halving)
        {
            return;
        }

        var bracket = halving.BracketOf(number, turn.State.TrialsInAll);
        while (turn.State.Ladder.Hopeless(halving, bracket) is { } entry)
        {
            StopResting(turn, halving, entry.Trial, at);
        }
    }

    private static void StopResting(Turn turn, IHalving halving, int number, DateTimeOffset at)
    {
        var state = turn.State;
        var trial = state.Trials[number];
        var bracket = halving.BracketOf(number, state.TrialsInAll);
        var rung = RungOf(bracket, trial);
        var place = state.Ladder.At(bracket.Index, rung);
        var rank = Rank(place.Entries, RungEntry.Of(state.Settings!.Objective.Goal, number, trial.Standing?.Value));
        turn.Emit(new SweepEvent.TrialStopped(
            number, trial.Values.Length, string.Create(CultureInfo.InvariantCulture, $"rung of epoch {bracket.Rungs[rung]}: rank {rank} of {place.Entries.Count}, {place.Promoted} went on"),
            bracket.Index, rung, state.Clock, at));
    }

    private static void CloseWhereDone(Turn turn, int number, DateTimeOffset at)
    {
        var (state, rule) = (turn.State, turn.State.Settings!.Stop);
        if (state.Closed.Length > 0)
        {
            return;
        }

        var (settings, objective, trial) = (state.Settings!, state.Settings!.Objective, state.Trials[number]);
        var reached = objective.At == ReportChoice.Best && trial.Status != TrialStatus.Failed ? trial.Standing?.Value : trial.Value;
        if (rule.Target is { } target && reached is { } value && !objective.IsBetter(target, value)
            && settings.Constraints.All(constraint => constraint.MissedBy(trial.Standing!.Metrics) <= 0))
        {
            Close(turn, string.Create(CultureInfo.InvariantCulture, $"trial {number} reached the target: {objective.Metric} {value:G6}"), at);
        }
        else if (trial.HasEnded && rule.Patience is { } patience && state.Best is not null && state.SinceBest >= patience)
        {
            Close(turn, $"{patience} trials in a row brought no better value", at);
        }
    }

    /// <summary>No more trials; those under way end with what logical time knows of them.</summary>
    public static void Close(Turn turn, string why, DateTimeOffset at, bool isRepeatable = true)
    {
        turn.Emit(new SweepEvent.SearchClosed(why, isRepeatable));
        foreach (var due in turn.State.Due)
        {
            turn.Emit(new SweepEvent.TrialStopped(due.Trial, turn.State.Trials[due.Trial].Values.Length, why, null, null, turn.State.Clock, at));
        }
    }

    private static ObservedTrial Observed(SweepSettings settings, Trial trial) =>
        new(trial.Number, trial.Parameters, ObservedState.Running, trial.Values, Ranking.ValuesOf(settings, trial) ?? []);

    private static int Rank(System.Collections.Immutable.ImmutableSortedSet<RungEntry> entries, RungEntry entry) => entries.IndexOf(entry) + 1;
}
