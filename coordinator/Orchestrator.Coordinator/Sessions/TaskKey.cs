using Orchestrator.Control.Runs;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>A trainer of a run, by the generation and rank that it was started for: what an agent runs on a slot.</summary>
internal readonly record struct TaskKey(string Run, int Generation, int Rank)
{
    public static TaskKey Of(RunState run, Member member) => new(run.Id, member.Trainer.Generation, member.Trainer.Rank);

    public static TaskKey Of(TaskProgress task) => new(task.Run, task.Generation, task.Rank);

    public static TaskKey Of(RunningTask task) => new(task.Run, task.Generation, task.Rank);

    public TrainerName Trainer => new(Generation, Rank);

    public TaskId ToMessage() => new() { Run = Run, Generation = Generation, Rank = Rank };
}
