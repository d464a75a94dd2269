using Orchestrator.Control.Workers;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>One trainer's process, as its agent last told.</summary>
internal sealed record TrainerView(int Pid, TaskKey Task);

/// <summary>An agent at one moment.</summary>
/// <param name="Connected">It has a session now.</param>
internal sealed record AgentView(WorkerIdentity Identity, WorkerPhase Phase, bool Connected, DateTimeOffset Since, IReadOnlyList<TrainerView> Trainers);
