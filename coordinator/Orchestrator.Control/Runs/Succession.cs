using System.Collections.Immutable;

namespace Orchestrator.Control.Runs;

/// <summary>How the next generation comes about from trainers that live on.</summary>
internal static class Succession
{
    /// <summary>
    /// Who may keep the run's state once the lost one is gone: whoever trained, and whoever had trained before and waits. Newcomers too, once their generation has begun: whether they had taken the state
    /// by then, they alone know, and say so in the next one (<c>NoStateException</c> where none did).
    /// </summary>
    public static ImmutableList<Member> SurvivorsOf(RunState state, Loss loss)
    {
        if (state.Purpose is not TaskPurpose.Train)
        {
            return [];
        }

        var members = state.Phase switch
        {
            RunPhase.Working => state.Current!.Members,
            // Those that were started for it have nothing yet.
            RunPhase.Forming => state.Current!.Members.FindAll(member => !state.Current.IsNew(member)),
            _ => state.Survivors,
        };
        return members.FindAll(member => !member.IsGone && (loss.Lives || member.Trainer != loss.Member.Trainer));
    }

    /// <summary>The next generation without those that leave, where the others are enough and have the state; they part at the end of a step.</summary>
    public static IReadOnlyList<RunEvent> LetGo(RunState state, string spanId, DateTimeOffset at)
    {
        var staying = state.Current!.Members.FindAll(member => !member.IsLeaving && !member.IsGone);
        return state.Next is null && staying.Count < state.Current.WorldSize && staying.Count >= state.MinWorkers
            && staying.Exists(member => member.IsLevel) && staying.TrueForAll(member => member.Stage is MemberStage.Working)
                ? Propose(state, staying, [], state.Step, spanId, at)
                : [];
    }

    /// <summary>The next generation: survivors first, in the order of their ranks, then newcomers; it begins at once where there are none.</summary>
    public static IReadOnlyList<RunEvent> Propose(
        RunState state, IReadOnlyCollection<Member> survivors, IReadOnlyList<SlotId> newcomers, long reachedStep, string spanId, DateTimeOffset at)
    {
        var number = state.LastGeneration + 1;
        SlotId[] slots = [.. survivors.Select(member => new SlotId(member.Place.Agent, member.Place.Slot)), .. newcomers];
        var places = MemberPlace.Even(state.Plan!.Shards, slots);
        TrainerName[] trainers = [.. survivors.Select(member => member.Trainer), .. places.Skip(survivors.Count).Select(place => new TrainerName(number, place.Rank))];
        var proposed = new RunEvent.GenerationProposed(number, TaskPurpose.Train, places, "", reachedStep, state.Epoch, spanId, at, trainers);
        return newcomers.Count > 0 ? [proposed] : [proposed, new RunEvent.GenerationBegun(number, state.ProbeHash, at)];
    }
}
