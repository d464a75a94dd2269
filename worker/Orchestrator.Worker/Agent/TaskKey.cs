using Orchestrator.V1;

namespace Orchestrator.Worker.Agent;

/// <summary>A trainer of a run, by the generation and rank that it was started for; it keeps the name through later ones.</summary>
internal readonly record struct TaskKey(string Run, int Generation, int Rank)
{
    public static TaskKey Of(AssignTask task) => new(task.Run, task.Generation, task.Rank);

    public static TaskKey Of(TaskId task) => new(task.Run, task.Generation, task.Rank);

    public override string ToString() => $"{Run} generation {Generation} rank {Rank}";
}
