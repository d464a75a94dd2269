using Orchestrator.Search;

namespace Orchestrator.Control.Sweeps;

/// <summary>Gives free logical slots to trials: to those that are promoted first, then to new ones.</summary>
internal static class Slots
{
    public static void Fill(Turn turn)
    {
        while (turn.State.Due.Count < turn.State.Settings!.Parallel && (Promote(turn) || Suggest(turn)))
        {
        }
    }

    public static void Promote(Turn turn, IHalving halving, int trial)
    {
        var bracket = halving.BracketOf(trial, turn.State.TrialsInAll);
        turn.Emit(new SweepEvent.TrialPromoted(trial, bracket.Index, Judgement.RungOf(bracket, turn.State.Trials[trial]), turn.State.Clock));
    }

    private static bool Promote(Turn turn)
    {
        var state = turn.State;
        if (state.Settings!.Stopper is not { } stopper || state.Closed.Length > 0 || state.Ladder.Open.IsEmpty || StopperCatalog.Halving(stopper) is not { } halving
            || state.Ladder.Promotable(halving, state.TrialsInAll) is not { } entry)
        {
            return false;
        }

        Promote(turn, halving, entry.Trial);
        return true;
    }

    private static bool Suggest(Turn turn)
    {
        var (state, settings) = (turn.State, turn.State.Settings!);
        if (state.Trials.Count >= settings.Trials || state.IsExhausted || state.Closed.Length > 0)
        {
            return false;
        }

        var number = state.Trials.Count;
        if (settings.Population is not null && number >= settings.Parallel)
        {
            // Whoever comes after the first members begins at an exchange.
            return false;
        }

        if (number < settings.Enqueued.Count)
        {
            turn.Emit(new SweepEvent.TrialSuggested(number, settings.Enqueued[number], state.Clock, "enqueued"));
            return true;
        }

        var sampler = SamplerCatalog.Find(settings.Sampler, settings.SamplerOptions)
            ?? throw new InvalidOperationException($"The sampler '{settings.Sampler}' was known when the sweep was submitted.");
        var study = new Study(settings.Space, settings.Seed, settings.Goals, new ObservedTrials(settings, state.Trials));
        if (sampler.Suggest(study, settings.Earlier.Count + number) is { } suggestion)
        {
            turn.Emit(new SweepEvent.TrialSuggested(number, suggestion.Parameters, state.Clock, suggestion.Reason));
            return true;
        }

        turn.Emit(new SweepEvent.SamplerExhausted());
        return false;
    }
}
