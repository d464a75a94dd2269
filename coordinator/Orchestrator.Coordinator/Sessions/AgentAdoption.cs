using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Runs;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>An agent that comes (back) names what it runs: what is still its own goes on as it is, the rest is fenced, what it lacks is said again.</summary>
internal sealed class AgentAdoption(RunCoordinator runs, RunTable table, RunEffects effects, AgentDirectory agents, TimeProvider time)
{
    /// <summary>What the agent is to kill: a newer generation has taken its place.</summary>
    public IReadOnlyList<TaskId> FencedOf(string agent, IEnumerable<RunningTask> tasks) =>
        [.. tasks.Where(task => MemberOf(agent, task) is null).Select(task => new TaskKey(task.Run, task.Generation, task.Rank).ToMessage())];

    public async Task ReconcileAsync(string agent, AgentConnection session, IReadOnlyList<RunningTask> tasks)
    {
        // What stands in the journal without anybody having heard so counts: a trainer that was ready, and died, must not be told to start again under its name.
        await Task.WhenAll(tasks.Select(task => task.Run).Concat(agents.TasksOf(agent).Select(task => task.Run)).Distinct(StringComparer.Ordinal).Select(runs.SeeAsync));
        var adopted = tasks.Where(task => MemberOf(agent, task) is not null).ToArray();
        agents.Listed(agent, session, [.. tasks.Select(task => new TaskProgress { Run = task.Run, Generation = task.Generation, Rank = task.Rank, Pid = task.Pid })], heard: 0);
        foreach (var task in adopted)
        {
            await BeginAsync(agent, task);
        }

        var named = adopted.Select(task => new TaskKey(task.Run, task.Generation, task.Rank)).ToHashSet();
        foreach (var task in agents.TasksOf(agent).Where(task => !named.Contains(task)))
        {
            if (table.Find(task.Run) is { } state && (state.Next ?? state.Current) is { } generation && generation.MemberOf(task.Trainer) is { Stage: MemberStage.Assigned } member)
            {
                agents.Expect(task);
                effects.Assign(state, generation, member);
            }
        }
    }

    /// <summary>A generation that began while the agent was away, or whose word to begin was lost, is begun by it now: by the same word, or, where its key is gone, by a new one for all.</summary>
    private async Task BeginAsync(string agent, RunningTask task)
    {
        var begun = task.State == "training" ? Math.Max(task.Generation, task.BegunGeneration) : task.BegunGeneration;
        if (task.State != "ended" && table.Find(task.Run) is { Phase: RunPhase.Working, Current: { } generation } state && begun < generation.Number
            && generation.MemberOf(new TrainerName(task.Generation, task.Rank)) is { } member && !effects.Begin(state, member))
        {
            await runs.ExecuteAsync(task.Run, new RunCommand.BeginAgain(generation.Number, "the word to begin was lost with a session", time.GetUtcNow()));
        }
    }

    private Member? MemberOf(string agent, RunningTask task) =>
        table.Find(task.Run)?.Trainers.Find(member => member.Trainer == new TrainerName(task.Generation, task.Rank)) is { } member && member.Place.Agent == agent
            ? member
            : null;
}
