namespace Orchestrator.Coordinator.Sessions;

/// <summary>Who has a slot, from its placement until its trainer is known to be gone.</summary>
/// <param name="Task">Generation 0 while the placement is not journalled yet.</param>
/// <param name="Since">Timestamp of the last change.</param>
/// <param name="Stopping">It was told to end, or nothing is expected of it any more.</param>
/// <param name="ListedAt">Timestamp at which its agent last named it; of the assignment at first.</param>
internal readonly record struct SlotHold(TaskKey Task, long Since, long ListedAt, bool Stopping = false)
{
    /// <summary>The agent's session when nothing more was expected of the task; null where it had none.</summary>
    public AgentConnection? Session { get; init; }

    /// <summary>How many of that session's messages the agent must have taken before its silence about the task means that it does not run.</summary>
    public ulong After { get; init; }
}
