using Orchestrator.Control.Placement;
using Orchestrator.Control.Runs;
using Orchestrator.Control.Workers;
using Orchestrator.Coordinator.Journal;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>The agents, their sessions, and who has which slot.</summary>
internal sealed class AgentDirectory(EventStore<WorkerState, WorkerEvent> store, TimeProvider time)
{
    /// <summary>An agent that has been silent for so long may be frozen: it gets nothing new until it is heard of again.</summary>
    private static readonly TimeSpan TrustedSilence = TimeSpan.FromSeconds(3);

    private readonly Lock gate = new();
    private readonly Dictionary<string, Agent> agents = new(StringComparer.Ordinal);
    private readonly SlotTable slots = new(time);

    /// <summary>Slots became free, or an agent came: placement may go on. Called from any thread, must return at once.</summary>
    public Action SlotsChanged { get; set; } = static () => { };

    /// <summary>What the journal knows; before the first session.</summary>
    public async Task LoadAsync(IEnumerable<string> ids, CancellationToken cancellationToken)
    {
        foreach (var id in ids)
        {
            var loaded = await store.LoadAsync(id, cancellationToken);
            lock (gate)
            {
                Of(id).State = loaded.State;
            }
        }
    }

    /// <summary>Appends to the agent's stream and keeps the state that it gives.</summary>
    public async Task<WorkerState> ExecuteAsync(string id, WorkerCommand command, CancellationToken cancellationToken)
    {
        var result = await store.ExecuteAsync(id, state => WorkerState.Decide(state, command), cancellationToken);
        lock (gate)
        {
            Of(id).State = result.State;
        }

        SlotsChanged();
        return result.State;
    }

    /// <summary>Takes the session as the agent's; an older one ends.</summary>
    /// <returns>Completes when nothing that the agent said in those before is still to take effect.</returns>
    public Task Connect(string id, AgentConnection connection)
    {
        AgentConnection? older;
        Task before;
        lock (gate)
        {
            var agent = Of(id);
            older = agent.Connection;
            agent.Connection = connection;
            agent.Seen = true;
            agent.HeardAt = time.GetTimestamp();
            before = agent.SessionsEnded;
            agent.SessionsEnded = Task.WhenAll(before, connection.Ended);
        }

        older?.Close();
        SlotsChanged();
        return before;
    }

    /// <summary>Up to where the agent's reports are known.</summary>
    public ulong AcknowledgedBy(string id)
    {
        lock (gate)
        {
            return Of(id).Acknowledged;
        }
    }

    public void Disconnect(string id, AgentConnection connection)
    {
        lock (gate)
        {
            if (agents.TryGetValue(id, out var agent) && agent.Connection == connection)
            {
                agent.Connection = null;
                agent.HeardAt = time.GetTimestamp();
            }
        }
    }

    public void Acknowledge(string id, ulong sequence)
    {
        lock (gate)
        {
            Of(id).Acknowledged = Math.Max(Of(id).Acknowledged, sequence);
        }
    }

    /// <summary>False where the agent has no session; what matters is said again when it comes back.</summary>
    public bool Send(string id, CoordinatorMessage message)
    {
        AgentConnection? connection;
        lock (gate)
        {
            connection = agents.GetValueOrDefault(id)?.Connection;
        }

        return connection?.Send(message) ?? false;
    }

    public void Heard(string id)
    {
        bool wasSilent;
        lock (gate)
        {
            wasSilent = !IsTrusted(Of(id));
            Of(id).HeardAt = time.GetTimestamp();
        }

        if (wasSilent)
        {
            SlotsChanged();
        }
    }

    /// <summary>What the agent runs now. Slots whose trainers are gone are free again.</summary>
    /// <param name="heard">How many messages of the session the agent had taken before; null where it does not say.</param>
    public void Listed(string id, AgentConnection session, IReadOnlyList<TaskProgress> tasks, ulong? heard)
    {
        var freed = false;
        lock (gate)
        {
            var agent = Of(id);
            var now = time.GetTimestamp();
            freed = !IsTrusted(agent);
            agent.HeardAt = now;
            agent.ListedAt = now;
            agent.Tasks = tasks;
            freed |= slots.Listed(id, tasks.Select(TaskKey.Of), agent.Connection == session ? session : null, heard);
        }

        if (freed)
        {
            SlotsChanged();
        }
    }

    /// <summary>Keeps slots for a placement that is about to be journalled; false, and none is kept, where one is not free any more.</summary>
    public bool TryClaim(string run, IReadOnlyList<SlotId> wanted)
    {
        lock (gate)
        {
            if (wanted.Any(slot => !agents.TryGetValue(slot.Agent, out var agent) || !agent.TakesWork || !IsTrusted(agent) || slots.Find(slot) is not null))
            {
                return false;
            }

            for (var rank = 0; rank < wanted.Count; rank++)
            {
                slots.Hold(wanted[rank], new TaskKey(run, 0, rank));
            }

            return true;
        }
    }

    /// <summary>The placement did not come about.</summary>
    public void Unclaim(string run, IReadOnlyList<SlotId> claimed)
    {
        var freed = false;
        lock (gate)
        {
            foreach (var slot in claimed)
            {
                freed |= slots.Find(slot) is { } hold && hold.Task.Run == run && hold.Task.Generation == 0 && slots.Free(slot);
            }
        }

        if (freed)
        {
            SlotsChanged();
        }
    }

    /// <summary>The slot is the task's: the placement stands in the journal.</summary>
    public void Assign(SlotId slot, TaskKey task)
    {
        lock (gate)
        {
            slots.Hold(slot, task);
        }
    }

    /// <summary>The agent was told of the task again: it has its time anew to name it.</summary>
    public void Expect(TaskKey task)
    {
        lock (gate)
        {
            slots.Expect(task);
        }
    }

    /// <summary>Nothing is expected of the task any more; its slot is free once its trainer is gone.</summary>
    public void Stopping(TaskKey task)
    {
        lock (gate)
        {
            slots.Stop(task, agent => agents.GetValueOrDefault(agent)?.Connection);
        }
    }

    /// <summary>The task's trainer is gone.</summary>
    public void Free(TaskKey task)
    {
        bool freed;
        lock (gate)
        {
            freed = slots.Free(task);
        }

        if (freed)
        {
            SlotsChanged();
        }
    }

    /// <summary>The agent is gone, and its trainers with it. Returns what it holds slots for; they stay held until each is freed.</summary>
    public IReadOnlyList<TaskKey> Abandon(string id)
    {
        lock (gate)
        {
            Of(id).Tasks = [];
            // A claim is its placement's: that makes an assignment of it, or takes it back.
            return [.. slots.Of(id).Where(hold => hold.Task.Generation > 0).Select(hold => hold.Task)];
        }
    }

    /// <summary>What the agent has slots for.</summary>
    public IReadOnlyList<TaskKey> TasksOf(string id)
    {
        lock (gate)
        {
            return [.. slots.Of(id).Where(hold => !hold.Stopping).Select(hold => hold.Task)];
        }
    }

    /// <summary>Whether any trainer of the run, its member or not any more, may still be there.</summary>
    public bool Runs(string run)
    {
        lock (gate)
        {
            return slots.Any(run);
        }
    }

    /// <summary>Whether the agent named the task when it was last heard of.</summary>
    public bool Runs(string id, TaskKey task)
    {
        lock (gate)
        {
            return agents.TryGetValue(id, out var agent) && agent.Tasks.Any(named => TaskKey.Of(named) == task);
        }
    }

    /// <summary>The slots of ready agents: the free ones, and all.</summary>
    public (IReadOnlyList<Slot> Free, ClusterShape All) Slots()
    {
        var free = new List<Slot>();
        var all = new List<Slot>();
        lock (gate)
        {
            foreach (var agent in agents.Values.Where(agent => agent.TakesWork).OrderBy(agent => agent.Id, StringComparer.Ordinal))
            {
                var devices = agent.State.Identity!.Devices;
                for (var slot = 0; slot < devices.Count; slot++)
                {
                    var place = new Slot(new SlotId(agent.Id, slot), devices[slot]);
                    all.Add(place);
                    if (slots.Find(place.Id) is null && IsTrusted(agent))
                    {
                        free.Add(place);
                    }
                }
            }
        }

        return (free, new ClusterShape(all));
    }

    public IReadOnlyList<AgentView> List()
    {
        lock (gate)
        {
            return [.. agents.Values.Where(agent => agent.State.Phase is not WorkerPhase.Unknown).Select(ViewOf).OrderBy(view => view.Identity.Id, StringComparer.Ordinal)];
        }
    }

    /// <summary>Whether it is here, or may come back in time.</summary>
    public bool IsHere(string id)
    {
        lock (gate)
        {
            return agents.TryGetValue(id, out var agent) && agent.State.Phase is WorkerPhase.Ready or WorkerPhase.Draining;
        }
    }

    /// <summary>Whether its session ended, and it has not come back; not known of one that was not here since this process started.</summary>
    public bool IsCutOff(string id)
    {
        lock (gate)
        {
            return agents.TryGetValue(id, out var agent) && agent is { Seen: true, Connection: null };
        }
    }

    public AgentView? Find(string id)
    {
        lock (gate)
        {
            return agents.TryGetValue(id, out var agent) && agent.State.Phase is not WorkerPhase.Unknown ? ViewOf(agent) : null;
        }
    }

    /// <summary>How each agent stands with us, for the watch.</summary>
    internal IReadOnlyList<AgentPulse> Pulses()
    {
        lock (gate)
        {
            var now = time.GetTimestamp();
            return [.. agents.Values.Select(agent => new AgentPulse(
                agent.Id, agent.State.Phase, agent.Connection, agent.Seen, time.GetElapsedTime(agent.HeardAt, now),
                [.. slots.Of(agent.Id)
                    .Where(hold => !hold.Stopping && hold.Task.Generation > 0)
                    .Select(hold => (hold.Task, Unlisted(agent, hold)))],
                [.. slots.Overdue(agent.Id, now)]))];
        }
    }

    private bool IsTrusted(Agent agent) => time.GetElapsedTime(agent.HeardAt) < TrustedSilence;

    /// <summary>By what the agent itself said: its silence says nothing about its tasks.</summary>
    private TimeSpan Unlisted(Agent agent, SlotHold hold) => time.GetElapsedTime(hold.ListedAt, Math.Max(hold.ListedAt, agent.ListedAt));

    private static AgentView ViewOf(Agent agent) => new(
        agent.State.Identity!, agent.State.Phase, agent.Connection is not null, agent.State.Since,
        [.. agent.Tasks.Select(task => new TrainerView(task.Pid, TaskKey.Of(task)))]);

    private Agent Of(string id)
    {
        if (!agents.TryGetValue(id, out var agent))
        {
            agents[id] = agent = new Agent(id) { HeardAt = time.GetTimestamp() };
        }

        return agent;
    }
}
