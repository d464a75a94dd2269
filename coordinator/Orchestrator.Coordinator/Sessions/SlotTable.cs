using Orchestrator.Control.Runs;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>Who has which slot, and which slot a task has. Touched under the directory's lock only.</summary>
internal sealed class SlotTable(TimeProvider time)
{
    /// <summary>A heartbeat that was under way when its agent was told says nothing yet; for agents that do not say what they had heard by then.</summary>
    private static readonly TimeSpan StopSettles = TimeSpan.FromSeconds(1.5);

    /// <summary>Who has not ended by then is told again, and not to take its time.</summary>
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(15);

    private readonly Dictionary<string, Dictionary<int, SlotHold>> agents = new(StringComparer.Ordinal);
    private readonly Dictionary<TaskKey, SlotId> places = [];

    /// <summary>Null where the slot is free.</summary>
    public SlotHold? Find(SlotId slot) => On(slot.Agent).TryGetValue(slot.Index, out var hold) ? hold : null;

    /// <summary>Whether any trainer of the run may still be on some slot.</summary>
    public bool Any(string run) => places.Keys.Any(task => task.Run == run);

    /// <summary>All that is on the agent, claims and what is told to end included.</summary>
    public IEnumerable<SlotHold> Of(string agent) => On(agent).Values;

    /// <summary>What should have ended on the agent long ago.</summary>
    public IEnumerable<TaskKey> Overdue(string agent, long now) =>
        On(agent).Values.Where(hold => hold.Stopping && time.GetElapsedTime(hold.Since, now) > StopPatience).Select(hold => hold.Task);

    /// <summary>The slot is the task's from now on; who had it before has none.</summary>
    public void Hold(SlotId slot, TaskKey task)
    {
        Free(slot);
        var now = time.GetTimestamp();
        On(slot.Agent)[slot.Index] = new SlotHold(task, now, now);
        places[task] = slot;
    }

    /// <summary>The agent has its time anew to name the task.</summary>
    public void Expect(TaskKey task)
    {
        if (places.TryGetValue(task, out var slot))
        {
            On(slot.Agent)[slot.Index] = On(slot.Agent)[slot.Index] with { ListedAt = time.GetTimestamp() };
        }
    }

    /// <summary>Nothing is expected of the task any more; its slot is free once its trainer is gone.</summary>
    /// <param name="sessionOf">An agent's session, in which it hears of it.</param>
    public void Stop(TaskKey task, Func<string, AgentConnection?> sessionOf)
    {
        if (places.TryGetValue(task, out var slot) && On(slot.Agent)[slot.Index] is { Stopping: false } hold)
        {
            var session = sessionOf(slot.Agent);
            On(slot.Agent)[slot.Index] = hold with { Stopping = true, Since = time.GetTimestamp(), Session = session, After = session?.Sent ?? 0 };
        }
    }

    /// <summary>An agent has named what it runs: what was told to end and is not among it is gone.</summary>
    /// <param name="session">In which it spoke; null for one that is not its session any more.</param>
    /// <param name="heard">How many messages of the session the agent had taken before; null where it does not say.</param>
    /// <returns>Whether a slot became free.</returns>
    public bool Listed(string agent, IEnumerable<TaskKey> tasks, AgentConnection? session, ulong? heard)
    {
        var listed = tasks.ToHashSet();
        var now = time.GetTimestamp();
        var freed = false;
        foreach (var (index, hold) in On(agent).ToArray())
        {
            if (listed.Contains(hold.Task))
            {
                On(agent)[index] = hold with { ListedAt = now };
            }
            else if (hold.Stopping && session is not null && HadHeard(hold, session, heard, now))
            {
                freed |= Free(new SlotId(agent, index));
            }
        }

        return freed;
    }

    /// <summary>Whether the slot was held.</summary>
    public bool Free(SlotId slot)
    {
        if (!On(slot.Agent).Remove(slot.Index, out var hold))
        {
            return false;
        }

        places.Remove(hold.Task);
        return true;
    }

    /// <summary>Whether the task had a slot.</summary>
    public bool Free(TaskKey task) => places.TryGetValue(task, out var slot) && Free(slot);

    /// <summary>Whether the agent knew that the task was to end when it spoke.</summary>
    private bool HadHeard(SlotHold hold, AgentConnection session, ulong? heard, long now) =>
        heard is null ? time.GetElapsedTime(hold.Since, now) > StopSettles : hold.Session != session || heard >= hold.After;

    private Dictionary<int, SlotHold> On(string agent)
    {
        if (!agents.TryGetValue(agent, out var holds))
        {
            agents[agent] = holds = [];
        }

        return holds;
    }
}
