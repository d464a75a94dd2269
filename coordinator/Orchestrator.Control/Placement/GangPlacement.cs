using Orchestrator.Control.Runs;

namespace Orchestrator.Control.Placement;

/// <summary>A run that waits for slots.</summary>
/// <param name="Group">Its sweep; a run of its own is its own group.</param>
/// <param name="Refused">Agents that it does not go to.</param>
/// <param name="Due">When what it does next is due in its sweep's logical time; the lowest is what the others wait for.</param>
public sealed record WaitingRun(string Run, string Group, int Min, int Max, IReadOnlyCollection<string> Refused, long Due = 0);

/// <summary>A run that works and can take newcomers in.</summary>
/// <param name="Slots">That it has.</param>
/// <param name="Needed">Newcomers without which those that leave can't go: they come before all who wait.</param>
/// <param name="Room">Newcomers at most.</param>
/// <param name="Refused">Agents that it does not go to.</param>
/// <param name="Due">When what it does next is due in its sweep's logical time; the lowest is what the others wait for.</param>
/// <param name="Left">How long it takes to where it pauses or ends, with the slots that it has.</param>
public sealed record GrowingRun(
    string Run, string Group, IReadOnlyList<SlotId> Slots, int Needed, int Room, IReadOnlyCollection<string> Refused, long Due = 0, TimeSpan Left = default);

/// <summary>What placement looks at.</summary>
/// <param name="Free">Of agents that are ready.</param>
/// <param name="All">Every slot of ready agents, free or not.</param>
/// <param name="Waiting">In order of arrival.</param>
/// <param name="Running">Slots that each group holds now.</param>
public sealed record PlacementSnapshot(
    IReadOnlyList<Slot> Free, ClusterShape All, IReadOnlyList<WaitingRun> Waiting, IReadOnlyDictionary<string, int> Running)
{
    /// <summary>In order of arrival.</summary>
    public IReadOnlyList<GrowingRun> Growing { get; init; } = [];
}

/// <param name="Slots">In rank order; of a run that works, the newcomers'.</param>
public sealed record PlacedGang(string Run, IReadOnlyList<SlotId> Slots);

/// <summary>
/// Gives free slots to waiting runs. A gang is placed whole or not at all, so that no two wait for each other's half. The group with the fewest running slots
/// comes first; the run that waits longest is never passed by for ever: once it is the oldest, what is free is kept for it. What nobody waits for goes to runs that can use more,
/// of a group to the one that is furthest behind in logical time: its sweep can't go on without it (what that is worth: docs/sweep-file.md).
/// </summary>
public static class GangPlacement
{
    public static IReadOnlyList<PlacedGang> Place(PlacementSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        var free = new List<Slot>(snapshot.Free);
        var running = new Dictionary<string, int>(snapshot.Running, StringComparer.Ordinal);
        var growing = snapshot.Growing.Select(run => Gang.Of(run, snapshot.All)).ToList();
        foreach (var gang in growing)
        {
            while (gang.Slots.Count < gang.Needed && gang.MoreOf(free) is { } slot)
            {
                Take(slot, gang, free, running);
            }
        }

        // What the cluster could not take were it empty must not block those that it can.
        var waiting = new List<WaitingRun>(snapshot.Waiting.Where(run => snapshot.All.Fits(run.Min, run.Refused)));
        var placed = new List<Gang>();
        while (free.Count > 0 && Next(waiting, running, free) is { } next)
        {
            waiting.Remove(next.Run);
            placed.Add(Gang.Of(next.Run, next.Slots));
            free.RemoveAll(next.Slots.Contains);
            running[next.Run.Group] = running.GetValueOrDefault(next.Run.Group) + next.Slots.Count;
        }

        if (!waiting.Exists(run => IsHelpedBy(run, free)))
        {
            Grow([.. placed, .. growing], free, running);
        }

        return [.. placed.Concat(growing.Where(gang => gang.Slots.Count > 0 && gang.Slots.Count >= gang.Needed))
            .Select(gang => new PlacedGang(gang.Run, [.. Ordered(gang.Slots).Select(slot => slot.Id)]))];
    }

    private static (WaitingRun Run, List<Slot> Slots)? Next(List<WaitingRun> waiting, Dictionary<string, int> running, List<Slot> free)
    {
        // Who has no use for any free slot is passed by: to keep them for it would help nobody.
        var helped = waiting.Where(run => IsHelpedBy(run, free)).ToArray();
        if (helped.Length == 0 || Choose(helped[0], free) is null)
        {
            return null;
        }

        var heads = helped
            .GroupBy(run => run.Group)
            .Select((group, arrival) => (Head: group.First(), Running: running.GetValueOrDefault(group.Key), arrival))
            .OrderBy(group => group.Running).ThenBy(group => group.arrival)
            .Select(group => group.Head);
        foreach (var head in heads)
        {
            if (Choose(head, free) is { } slots)
            {
                return (head, slots);
            }
        }

        return null;
    }

    private static bool IsHelpedBy(WaitingRun run, List<Slot> free) =>
        run.Refused.Count == 0 || free.Exists(slot => !run.Refused.Contains(slot.Id.Agent));

    /// <summary>The fewest slots that it takes: on one agent if one has room (the one with the least to spare), else on as few as may be.</summary>
    private static List<Slot>? Choose(WaitingRun run, List<Slot> free)
    {
        var kinds = free
            .Where(slot => !run.Refused.Contains(slot.Id.Agent))
            .GroupBy(slot => slot.Kind)
            .Where(kind => kind.Count() >= run.Min)
            .OrderBy(kind => kind.Key == "cpu").ThenBy(kind => kind.Key, StringComparer.Ordinal);
        if (kinds.FirstOrDefault() is not { } kind)
        {
            return null;
        }

        var agents = kind.GroupBy(slot => slot.Id.Agent).Select(agent => agent.ToList()).ToList();
        return agents.Where(agent => agent.Count >= run.Min).MinBy(agent => agent.Count) is { } whole
            ? whole[..run.Min]
            : [.. agents.OrderByDescending(agent => agent.Count).SelectMany(agent => agent).Take(run.Min)];
    }

    /// <summary>Nobody else waits: what is left goes where the others of a group wait for it, of equals to the one that takes longest.</summary>
    private static void Grow(List<Gang> gangs, List<Slot> free, Dictionary<string, int> running)
    {
        while (gangs
            .Where(gang => gang.Slots.Count < gang.Room)
            .OrderBy(gang => running.GetValueOrDefault(gang.Group)).ThenBy(gang => gang.Due).ThenByDescending(gang => gang.Left)
            .Select(gang => (gang, Slot: gang.MoreOf(free)))
            .FirstOrDefault(gang => gang.Slot is not null) is { Slot: { } slot } next)
        {
            Take(slot, next.gang, free, running);
        }
    }

    private static void Take(Slot slot, Gang gang, List<Slot> free, Dictionary<string, int> running)
    {
        gang.Slots.Add(slot);
        free.Remove(slot);
        running[gang.Group] = running.GetValueOrDefault(gang.Group) + 1;
    }

    /// <summary>Neighbouring ranks on one agent: most of the exchange stays there.</summary>
    private static IEnumerable<Slot> Ordered(List<Slot> slots) =>
        slots.GroupBy(slot => slot.Id.Agent).SelectMany(agent => agent.OrderBy(slot => slot.Id.Index));

    /// <param name="Has">Slots that it works with already.</param>
    /// <param name="Slots">That it gets now.</param>
    /// <param name="Room">Of those, at most.</param>
    /// <param name="Kind">cpu, cuda; null where it does not matter.</param>
    /// <param name="Work">How long one worker would take to where it pauses or ends; without a bound where that is not known yet.</param>
    private sealed record Gang(
        string Run, string Group, IReadOnlyList<SlotId> Has, List<Slot> Slots, int Needed, int Room, string? Kind, IReadOnlyCollection<string> Refused, long Due, double Work)
    {
        private const double Unknown = 1e12;

        /// <summary>Seconds that are left, were work done the faster the more do it.</summary>
        public double Left => Work / (Has.Count + Slots.Count);

        public static Gang Of(WaitingRun run, List<Slot> placed) =>
            new(run.Run, run.Group, [], placed, 0, run.Max, placed[0].Kind, run.Refused, run.Due, Unknown);

        public static Gang Of(GrowingRun run, ClusterShape all) =>
            new(run.Run, run.Group, run.Slots, [], run.Needed, run.Room, all.KindOf(run.Slots[0]), run.Refused, run.Due, run.Left.TotalSeconds * run.Slots.Count);

        /// <summary>Near what it has.</summary>
        public Slot? MoreOf(List<Slot> free) => free
            .Where(slot => (Kind is null || slot.Kind == Kind) && !Refused.Contains(slot.Id.Agent))
            .OrderByDescending(slot => Has.Any(taken => taken.Agent == slot.Id.Agent) || Slots.Exists(taken => taken.Id.Agent == slot.Id.Agent))
            .FirstOrDefault();
    }
}
