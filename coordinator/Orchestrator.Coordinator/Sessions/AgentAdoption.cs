using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Runs;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>An agent that comes (back) names what it runs: what is still its own goes on as it is, the rest is fenced, what it lacks is said again.</summary>
internal sealed class AgentAdoption(RunCoordinator runs, RunTable table, RunEffects effects, AgentDirectory agents)
{
    /// <summary>What the agent is to kill: a newer generation has taken its place.</summary>
    public IReadOnlyList<TaskId> FencedOf(string agent, IEnumerable<RunningTask> tasks) =>
        [.. tasks.Where(task => MemberOf(agent, task) is null).Select(task => new TaskKey(task.Run, task.Generation, task.Rank).ToMessage())];

    public async Task ReconcileAsync(string agent, IReadOnlyList<RunningTask> tasks)
    {
        var adopted = tasks.Where(task => MemberOf(agent, task) is not null).ToArray();
        agents.Listed(agent, [.. adopted.Select(task => new TaskProgress { Run = task.Run, Generation = task.Generation, Rank = task.Rank, Pid = task.Pid })]);
        foreach (var task in adopted.Where(task => task.State == "ready" && table.Find(task.Run)?.Phase is RunPhase.Working))
        {
            // Its key went with the session that it was sent on, and is written down nowhere.
            await runs.FailAsync(new TaskKey(task.Run, task.Generation, task.Rank), FailureKind.Preempted, "the word to begin was lost with a session");
        }

        var named = adopted.Select(task => new TaskKey(task.Run, task.Generation, task.Rank)).ToHashSet();
        foreach (var task in agents.TasksOf(agent).Where(task => !named.Contains(task)))
        {
            if (table.Find(task.Run) is { Phase: RunPhase.Forming, Current: { } generation } state && generation.Number == task.Generation
                && generation.MemberAt(task.Rank) is { Stage: MemberStage.Assigned } member)
            {
                agents.Expect(task);
                effects.Assign(state, member);
            }
        }
    }

    private Member? MemberOf(string agent, RunningTask task) =>
        table.Find(task.Run)?.Current is { } generation && generation.Number == task.Generation
        && generation.MemberAt(task.Rank) is { } member && member.Place.Agent == agent
            ? member
            : null;
}
