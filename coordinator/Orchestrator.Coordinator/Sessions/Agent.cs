using Orchestrator.Control.Workers;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>An agent as the directory keeps it. Touched under the directory's lock only.</summary>
internal sealed class Agent(string id)
{
    public string Id => id;

    /// <summary>As it stands in its stream.</summary>
    public WorkerState State { get; set; } = WorkerState.Initial;

    /// <summary>Null while it has none.</summary>
    public AgentConnection? Connection { get; set; }

    /// <summary>Completes when nothing of its sessions so far is still to take effect.</summary>
    public Task SessionsEnded { get; set; } = Task.CompletedTask;

    /// <summary>Timestamp of the last message, or of the session's end.</summary>
    public long HeardAt { get; set; }

    /// <summary>Timestamp of the last message that named its tasks.</summary>
    public long ListedAt { get; set; }

    /// <summary>True once it has been here since this process started.</summary>
    public bool Seen { get; set; }

    public ulong Acknowledged { get; set; }

    /// <summary>Of the last heartbeat.</summary>
    public IReadOnlyList<TaskProgress> Tasks { get; set; } = [];

    public bool TakesWork => Connection is not null && State.Phase is WorkerPhase.Ready;
}
