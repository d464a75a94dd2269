using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>One rank of one generation of one run: what an agent runs on a slot.</summary>
internal readonly record struct TaskKey(string Run, int Generation, int Rank)
{
    public TaskId ToMessage() => new() { Run = Run, Generation = Generation, Rank = Rank };
}
