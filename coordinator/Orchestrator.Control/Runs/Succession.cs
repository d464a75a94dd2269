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
        return members.FindAll(member => !member.IsGone && (loss.Lives || member.Trainer != loss.Member.Trainer) && !loss.Others.Exists(other => other.Trainer == member.Trainer));
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

    /// <summary>
    /// The next generation, with newcomers. Those that leave are not in it where somebody who stays has the state; otherwise they hand it over first.
    /// </summary>
    public static IReadOnlyList<RunEvent> TakeIn(RunState state, IReadOnlyList<SlotId> newcomers, string spanId, DateTimeOffset at)
    {
        var members = state.Current!.Members;
        var staying = members.FindAll(member => !member.IsLeaving);
        return Propose(state, staying.Exists(member => member.IsLevel) ? staying : members, newcomers, state.Step, spanId, at);
    }

    /// <summary>The next generation: survivors first, in the order of their ranks, then newcomers; it begins at once where there are none.</summary>
    /// <param name="shards">How many each has, in rank order; null for even ranges.</param>
    public static IReadOnlyList<RunEvent> Propose(
        RunState state, IReadOnlyCollection<Member> survivors, IReadOnlyList<SlotId> newcomers, long reachedStep, string spanId, DateTimeOffset at, IReadOnlyList<int>? shards = null)
    {
        var number = state.LastGeneration + 1;
        SlotId[] slots = [.. survivors.Select(member => new SlotId(member.Place.Agent, member.Place.Slot)), .. newcomers];
        var places = MemberPlace.Of(shards ?? CountsOf(state.Plan!.Shards, survivors, slots.Length), slots);
        TrainerName[] trainers = [.. survivors.Select(member => member.Trainer), .. places.Skip(survivors.Count).Select(place => new TrainerName(number, place.Rank))];
        var proposed = new RunEvent.GenerationProposed(number, TaskPurpose.Train, places, "", reachedStep, state.Epoch, spanId, at, trainers);
        return newcomers.Count > 0 ? [proposed] : [proposed, new RunEvent.GenerationBegun(number, state.ProbeHash, at)];
    }

    /// <summary>Even ranges. Where there are more members than shards, who leaves is there for its state alone.</summary>
    private static IReadOnlyList<int> CountsOf(int shards, IReadOnlyCollection<Member> survivors, int world)
    {
        if (world <= shards)
        {
            return MemberPlace.EvenCounts(shards, world);
        }

        var counts = new Queue<int>(MemberPlace.EvenCounts(shards, world - survivors.Count(member => member.IsLeaving)));
        int[] known = [.. survivors.Select(member => member.IsLeaving ? 0 : counts.Dequeue())];
        return [.. known, .. counts];
    }
}
