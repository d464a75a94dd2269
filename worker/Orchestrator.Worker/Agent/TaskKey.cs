using Orchestrator.V1;

namespace Orchestrator.Worker.Agent;

/// <summary>One rank of one generation of a run.</summary>
internal readonly record struct TaskKey(string Run, int Generation, int Rank)
{
    public static TaskKey Of(AssignTask task) => new(task.Run, task.Generation, task.Rank);

    public static TaskKey Of(TaskId task) => new(task.Run, task.Generation, task.Rank);

    public override string ToString() => $"{Run} generation {Generation} rank {Rank}";
}
