using Orchestrator.V1;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>What becomes of the order to start a task. Orders may come twice, late, or for a generation that is over: only what is new has an effect.</summary>
/// <param name="Starts">False: it is known already, or <paramref name="IsStale"/>.</param>
/// <param name="IsStale">A newer generation of its run is here.</param>
/// <param name="Fenced">Tasks whose generations it ends.</param>
internal readonly record struct Admission(bool Starts, bool IsStale, IReadOnlyList<TaskKey> Fenced)
{
    /// <param name="running">The tasks that are here, and whether they score.</param>
    /// <param name="hasEnded">Whether a task was here and ended.</param>
    public static Admission Of(AssignTask assignment, IReadOnlyList<(TaskKey Key, bool EvaluatesTest)> running, Func<(TaskKey Key, bool EvaluatesTest), bool> hasEnded)
    {
        var key = TaskKey.Of(assignment);
        if (running.Contains((key, assignment.EvaluateTest)) || hasEnded((key, assignment.EvaluateTest)))
        {
            return new Admission(false, false, []);
        }

        if (running.Any(other => other.Key.Run == key.Run && other.Key.Generation > key.Generation))
        {
            return new Admission(false, true, []);
        }

        // One that joins has them for peers; those that are not in its generation are told so by name.
        return new Admission(true, false, assignment.Joins
            ? []
            : [.. running.Where(other => other.Key.Run == key.Run && other.Key.Generation < key.Generation).Select(other => other.Key)]);
    }
}
