using Orchestrator.Control.Runs;

namespace Orchestrator.Control.Placement;

/// <summary>A run that waits for slots.</summary>
/// <param name="Group">Its sweep; a run of its own is its own group.</param>
/// <param name="Refused">Agents that it does not go to.</param>
public sealed record WaitingRun(string Run, string Group, int Min, int Max, IReadOnlyCollection<string> Refused);

/// <summary>A run that works and can take newcomers in.</summary>
/// <param name="Slots">That it has.</param>
/// <param name="Needed">Newcomers without which those that leave can't go: they come before all who wait.</param>
/// <param name="Room">Newcomers at most.</param>
/// <param name="Refused">Agents that it does not go to.</param>
public sealed record GrowingRun(string Run, string Group, IReadOnlyList<SlotId> Slots, int Needed, int Room, IReadOnlyCollection<string> Refused);

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
/// comes first; the run that waits longest is never passed by for ever: once it is the oldest, what is free is kept for it.
/// </summary>
public static class GangPlacement
{
    public static IReadOnlyList<PlacedGang> Place(PlacementSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        var free = new List<Slot>(snapshot.Free);
        var running = new Dictionary<string, int>(snapshot.Running, StringComparer.Ordinal);
        var newcomers = snapshot.Growing.Select(run => (Run: run, Slots: new List<Slot>())).ToList();
        foreach (var growing in newcomers.Where(growing => growing.Run.Needed > 0))
        {
            while (growing.Slots.Count < growing.Run.Needed && MoreFor(growing.Run, growing.Slots, snapshot, free) is { } slot)
            {
                Take(slot, growing.Slots, growing.Run.Group, free, running);
            }
        }

        // What the cluster could not take were it empty must not block those that it can.
        var waiting = new List<WaitingRun>(snapshot.Waiting.Where(run => snapshot.All.Fits(run.Min, run.Refused)));
        var placed = new List<(WaitingRun Run, List<Slot> Slots)>();
        while (free.Count > 0 && Next(waiting, running, free) is { } next)
        {
            waiting.Remove(next.Run);
            placed.Add(next);
            free.RemoveAll(next.Slots.Contains);
            running[next.Run.Group] = running.GetValueOrDefault(next.Run.Group) + next.Slots.Count;
        }

        if (!waiting.Exists(run => IsHelpedBy(run, free)))
        {
            Grow(placed, free, running);
            Grow(newcomers, snapshot, free, running);
        }

        return [.. placed.Select(gang => (gang.Run.Run, gang.Slots))
            .Concat(newcomers.Where(growing => growing.Slots.Count > 0 && growing.Slots.Count >= growing.Run.Needed).Select(growing => (growing.Run.Run, growing.Slots)))
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

    /// <summary>Nobody else waits: what is left goes round the gangs just placed, up to what each can use.</summary>
    private static void Grow(List<(WaitingRun Run, List<Slot> Slots)> placed, List<Slot> free, Dictionary<string, int> running)
    {
        while (true)
        {
            var growing = placed
                .Where(gang => gang.Slots.Count < gang.Run.Max)
                .OrderBy(gang => running.GetValueOrDefault(gang.Run.Group)).ThenBy(gang => gang.Slots.Count)
                .Select(gang => (gang, Slot: MoreFor(gang.Run, gang.Slots, free)))
                .FirstOrDefault(gang => gang.Slot is not null);
            if (growing.Slot is not { } slot)
            {
                return;
            }

            growing.gang.Slots.Add(slot);
            free.Remove(slot);
            running[growing.gang.Run.Group] = running.GetValueOrDefault(growing.gang.Run.Group) + 1;
        }
    }

    /// <summary>What is left then goes round the runs that work.</summary>
    private static void Grow(List<(GrowingRun Run, List<Slot> Slots)> growing, PlacementSnapshot snapshot, List<Slot> free, Dictionary<string, int> running)
    {
        while (growing
            .Where(gang => gang.Slots.Count < gang.Run.Room)
            .OrderBy(gang => running.GetValueOrDefault(gang.Run.Group)).ThenBy(gang => gang.Run.Slots.Count + gang.Slots.Count)
            .Select(gang => (gang, Slot: MoreFor(gang.Run, gang.Slots, snapshot, free)))
            .FirstOrDefault(gang => gang.Slot is not null) is { Slot: { } slot } next)
        {
            Take(slot, next.gang.Slots, next.gang.Run.Group, free, running);
        }
    }

    private static void Take(Slot slot, List<Slot> slots, string group, List<Slot> free, Dictionary<string, int> running)
    {
        slots.Add(slot);
        free.Remove(slot);
        running[group] = running.GetValueOrDefault(group) + 1;
    }

    private static Slot? MoreFor(GrowingRun run, List<Slot> slots, PlacementSnapshot snapshot, List<Slot> free)
    {
        var kind = snapshot.All.KindOf(run.Slots[0]);
        return free
            .Where(slot => (kind is null || slot.Kind == kind) && !run.Refused.Contains(slot.Id.Agent))
            .OrderByDescending(slot => run.Slots.Any(taken => taken.Agent == slot.Id.Agent) || slots.Exists(taken => taken.Id.Agent == slot.Id.Agent))
            .FirstOrDefault();
    }

    private static Slot? MoreFor(WaitingRun run, List<Slot> slots, List<Slot> free) => free
        .Where(slot => slot.Kind == slots[0].Kind && !run.Refused.Contains(slot.Id.Agent))
        .OrderByDescending(slot => slots.Exists(taken => taken.Id.Agent == slot.Id.Agent))
        .FirstOrDefault();

    /// <summary>Neighbouring ranks on one agent: most of the exchange stays there.</summary>
    private static IEnumerable<Slot> Ordered(List<Slot> slots) =>
        slots.GroupBy(slot => slot.Id.Agent).SelectMany(agent => agent.OrderBy(slot => slot.Id.Index));
}
