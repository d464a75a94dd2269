using Orchestrator.Control.Workers;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>How an agent stands with the coordinator at one moment.</summary>
/// <param name="Seen">It has been here since this process started.</param>
/// <param name="Silent">Since its last message, or its session's end.</param>
/// <param name="Tasks">What it should be running, and for how long it has spoken without naming it.</param>
/// <param name="Overdue">What should have ended long ago.</param>
internal sealed record AgentPulse(string Id, WorkerPhase Phase, AgentConnection? Connection, bool Seen, TimeSpan Silent,
    IReadOnlyList<(TaskKey Task, TimeSpan Unlisted)> Tasks, IReadOnlyList<TaskKey> Overdue);
