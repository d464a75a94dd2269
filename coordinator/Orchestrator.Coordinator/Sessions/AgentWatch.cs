using Orchestrator.Control.Runs;
using Orchestrator.Control.Workers;
using Orchestrator.Coordinator.Runs;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>Tells who is gone and who hangs, and takes work off agents that drain.</summary>
internal sealed partial class AgentWatch(RunCoordinator runs, RunTable table, RunEffects effects, AgentDirectory agents, TimeProvider time, ILogger<AgentWatch> logger)
    : BackgroundService, IHostedLifecycleService
{
    internal static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    /// <summary>A session without a message for so long is no session.</summary>
    private static readonly TimeSpan SessionSilence = TimeSpan.FromSeconds(10);

    /// <summary>How long an agent may be away between two sessions.</summary>
    private static readonly TimeSpan Absence = TimeSpan.FromSeconds(5);

    /// <summary>After a restart leases stand still until agents had the time to come back.</summary>
    private static readonly TimeSpan Restart = TimeSpan.FromSeconds(15);

    /// <summary>An agent that does not name a task for so long does not have it.</summary>
    private static readonly TimeSpan Unlisted = TimeSpan.FromSeconds(5);

    /// <summary>How long a rank that others blame has to speak for itself, while its agent is here.</summary>
    private static readonly TimeSpan SuspicionSettles = TimeSpan.FromSeconds(1);

    /// <summary>How long where its agent is cut off as well.</summary>
    private static readonly TimeSpan DoubleSuspicionSettles = TimeSpan.FromMilliseconds(100);

    /// <summary>From the first who says that it does not hear a peer until all have had the time to say so: idle connections are probed once a second.</summary>
    private static readonly TimeSpan CutSettles = TimeSpan.FromSeconds(1.5);

    /// <summary>Heartbeats older than this, three of them, say nothing about who hangs.</summary>
    private static readonly TimeSpan StaleHeartbeat = TimeSpan.FromSeconds(1.5);

    /// <summary>Between two looks lies a tenth of this. After a longer while it was this process that stood still, and what the others said meanwhile lies in its sockets.</summary>
    private static readonly TimeSpan Standstill = TimeSpan.FromSeconds(1);

    /// <summary>Until what lay there is heard: two heartbeats.</summary>
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(2);

    private readonly long startedAt = time.GetTimestamp();
    private long lookedAt = time.GetTimestamp();
    private long? stoodStillAt;

    /// <summary>
    /// Takes no new work on the agent. What it runs is handed over: the others of a gang go on without it at the end of a step, or newcomers take the state first; where nobody does in the time that the agent
    /// gives them, the trainers write it down. What has no state is preempted and placed elsewhere.
    /// </summary>
    public async Task DrainAsync(string agent, CancellationToken cancellationToken)
    {
        await agents.ExecuteAsync(agent, new WorkerCommand.Drain(time.GetUtcNow()), cancellationToken);
        foreach (var task in agents.TasksOf(agent))
        {
            var run = await runs.ExecuteAsync(task.Run, new RunCommand.Vacate(agent, time.GetUtcNow()));
            if (run.HasState(task.Trainer) || (run.Current?.MemberOf(task.Trainer) is { IsLeaving: true } && run.HandsOver))
            {
                continue;
            }

            await runs.FailAsync(task, FailureKind.Preempted, $"{agent} drains");
        }

        agents.Send(agent, new CoordinatorMessage { Drain = new DrainAgent() });
    }

    /// <summary>The agent's process is known to have ended: nobody needs to wait for it to come back.</summary>
    public async Task LoseAsync(string agent, string why, CancellationToken cancellationToken)
    {
        await agents.ExecuteAsync(agent, new WorkerCommand.Lose(time.GetUtcNow()), cancellationToken);
        LogLost(agent, why);
        foreach (var task in agents.Abandon(agent))
        {
            // Where this fails, or the coordinator dies before it: a look at the run finds it on an agent that is gone. The slot is free only afterwards: an
            // agent that is back already would get it a second time while the journal still has the first.
            await runs.FailAsync(task, FailureKind.Lost, $"{agent} is gone: {why}");
            agents.Free(task);
        }
    }

    /// <summary>One look at everything; the clock calls it ten times a second.</summary>
    internal async Task LookAsync(CancellationToken cancellationToken)
    {
        if (IsRecovering())
        {
            return;
        }

        // Nothing is known of what runs on these; false of those that may be on their way back.
        var away = new Dictionary<string, bool>(StringComparer.Ordinal);
        var draining = new HashSet<string>(StringComparer.Ordinal);
        foreach (var agent in agents.Pulses())
        {
            await LookAtAsync(agent, cancellationToken);
            if (agent.Phase is WorkerPhase.Draining)
            {
                draining.Add(agent.Id);
            }

            if (agent.Connection is null || agent.Silent > StaleHeartbeat)
            {
                // One that a coordinator before this one knew is on its way back, with what it has to tell.
                away[agent.Id] = agent.Seen ? agent.Silent > StaleHeartbeat : time.GetElapsedTime(startedAt) > Absence;
            }
        }

        foreach (var run in table.Active())
        {
            // Whoever drains between two generations leaves in the next one.
            if (run is { Phase: RunPhase.Working, Purpose: TaskPurpose.Train } && run.Current!.Members.Find(member => member is { IsLeaving: false, IsGone: false } && draining.Contains(member.Place.Agent)) is { } leaving)
            {
                await runs.ExecuteAsync(run.Id, new RunCommand.Vacate(leaving.Place.Agent, time.GetUtcNow()));
            }

            await LookAtAsync(run, away);
        }
    }

    private bool IsRecovering()
    {
        var now = time.GetTimestamp();
        stoodStillAt = time.GetElapsedTime(lookedAt, now) > Standstill ? now : stoodStillAt;
        lookedAt = now;
        return stoodStillAt is { } since && time.GetElapsedTime(since, now) < Recovery;
    }

    /// <summary>Whoever goes once the host stops is not lost.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken) => StopAsync(cancellationToken);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await TryLookAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopped before the host says that it stops: it would take this for a failure.
        }
    }

    private async Task TryLookAsync(CancellationToken stoppingToken)
    {
        try
        {
            await LookAsync(stoppingToken);
        }
        catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
        {
            // The journal was away; the next look sees the same.
            LogFailed(exception);
        }
    }

    private async Task LookAtAsync(AgentPulse agent, CancellationToken cancellationToken)
    {
        if (agent.Phase is not (WorkerPhase.Ready or WorkerPhase.Draining))
        {
            return;
        }

        if (agent.Connection is { } connection)
        {
            if (agent.Silent > SessionSilence)
            {
                connection.Close();
                agents.Disconnect(agent.Id, connection);
                await LoseAsync(agent.Id, $"no heartbeat for {SessionSilence.TotalSeconds:0} s", cancellationToken);
                return;
            }

            foreach (var (task, _) in agent.Tasks.Where(task => task.Unlisted > Unlisted))
            {
                await runs.FailAsync(task, FailureKind.Lost, $"{agent.Id} does not run it");
                agents.Free(task);
            }

            foreach (var task in agent.Overdue)
            {
                agents.Send(agent.Id, new CoordinatorMessage { Stop = new StopTask { Task = task.ToMessage() } });
            }

            return;
        }

        var patience = agent.Seen ? Absence : Restart;
        if ((agent.Seen ? agent.Silent : time.GetElapsedTime(startedAt)) > patience)
        {
            await LoseAsync(agent.Id, $"no session for {patience.TotalSeconds:0} s", cancellationToken);
        }
    }

    private async Task LookAtAsync(RunState run, Dictionary<string, bool> away)
    {
        if (run.Trainers.Find(member => !member.IsGone && !agents.IsHere(member.Place.Agent)) is { } orphan)
        {
            // Who left in good order, as at a shutdown of the cluster, took its tasks along: nobody is to blame.
            var kind = agents.Find(orphan.Place.Agent) is null ? FailureKind.Preempted : FailureKind.Lost;
            await runs.FailAsync(TaskKey.Of(run, orphan), kind, $"{orphan.Place.Agent} is gone");
            return;
        }

        if (run is { Completed: { } completed, Current.Members: { } members } && members.TrueForAll(member => member.IsGone) && !agents.Runs(run.Id))
        {
            await runs.ExecuteAsync(run.Id, new RunCommand.LoseLast(completed.Generation, time.GetUtcNow()));
            return;
        }

        if (run.Current is not { } generation || effects.ProgressOf(run.Id) is not { } progress || progress.Generation != generation.Number)
        {
            return;
        }

        foreach (var member in generation.Members.Where(member => !member.IsLevel && progress.StepOf(member.Place.Rank) > 0))
        {
            await runs.ExecuteAsync(run.Id, new RunCommand.Level(member.Trainer.Generation, member.Trainer.Rank, time.GetUtcNow()));
        }

        if (await LookAtCutsAsync(run, generation, progress, away))
        {
            return;
        }

        if (generation.Members.Find(member => member.Stage is MemberStage.Dropped or MemberStage.Interrupted) is { } witness)
        {
            var suspect = generation.MemberAt(witness.Suspect);
            var cutOff = suspect is not null && agents.IsCutOff(suspect.Place.Agent);
            if (progress.DroppedFor() > (cutOff ? DoubleSuspicionSettles : SuspicionSettles))
            {
                var kind = progress.PulseOf(witness.Suspect) is { } pulse && TaskHealth.IsFrozen(pulse) ? FailureKind.Hung : FailureKind.Lost;
                await runs.ExecuteAsync(run.Id, new RunCommand.Blame(
                    generation.Number, kind, $"rank {witness.Place.Rank} lost rank {witness.Suspect}", progress.Step, time.GetUtcNow()));
            }

            return;
        }

        if (generation.Members.Find(member => away.ContainsKey(member.Place.Agent)) is { } silent)
        {
            // Of a rank whose agent is away nothing is known, and it may well go on: unless all others stand still and wait.
            var others = progress.Pulses().Where(pulse => pulse.Rank != silent.Place.Rank).ToArray();
            if (away[silent.Place.Agent] && others.Length == generation.WorldSize - 1 && others.Length > 0 && Array.TrueForAll(others, other => other.Phase == "waiting" && other.Stalled > StaleHeartbeat))
            {
                await runs.FailAsync(TaskKey.Of(run, silent), FailureKind.Hung, $"{silent.Place.Agent} is silent, and all others wait for its rank {silent.Place.Rank}");
            }

            return;
        }

        var begun = time.GetUtcNow() - generation.BegunAt;
        RankPulse[] pulses = [.. progress.Pulses().Select(pulse => TaskHealth.Since(pulse, begun))];
        if (TaskHealth.Culprit(pulses, progress.MedianStep()) is { } culprit)
        {
            await runs.FailAsync(
                TaskKey.Of(run, generation.Members[culprit]), FailureKind.Hung, $"rank {culprit} made no progress while {progress.PulseOf(culprit)?.Phase}");
        }
        else if (TaskHealth.IsDeadlocked(pulses, progress.MedianStep(), generation.WorldSize))
        {
            await runs.ExecuteAsync(run.Id, new RunCommand.BeginAgain(generation.Number, "all ranks wait for each other", time.GetUtcNow(), FailureKind.Hung));
        }
    }

    /// <summary>Where the network is cut between members, the largest set that hear each other goes on. False where all hear each other.</summary>
    private async Task<bool> LookAtCutsAsync(RunState run, Generation generation, RunProgress progress, Dictionary<string, bool> away)
    {
        Silence[] silences = [.. progress.Silences().Concat(generation.Silences)
            .Where(silence => generation.MemberAt(silence.Rank) is { IsGone: false } && generation.MemberAt(silence.Peer) is { IsGone: false })];
        int[] absent = [.. silences.Select(silence => generation.Members[silence.Peer]).Distinct()
            .Where(peer => away.ContainsKey(peer.Place.Agent) || !agents.Runs(peer.Place.Agent, TaskKey.Of(run, peer))).Select(peer => peer.Place.Rank)];
        if (progress.CutFor(silences, absent) > CutSettles)
        {
            var after = await runs.ExecuteAsync(run.Id, new RunCommand.Part(generation.Number, silences, progress.Step, time.GetUtcNow()) { Absent = absent });
            return after.Current?.Number != generation.Number;
        }

        return silences.Length > 0;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Agent {Agent} is lost: {Reason}")]
    private partial void LogLost(string agent, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The watch could not act on what it saw; it looks again")]
    private partial void LogFailed(Exception exception);
}
