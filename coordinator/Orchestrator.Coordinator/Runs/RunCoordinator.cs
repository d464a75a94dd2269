using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Coordinator.Sessions;

namespace Orchestrator.Coordinator.Runs;

/// <summary>
/// The only writer of run streams. A command becomes events by the run's state machine, the events become durable, and then what follows from them is done. After a restart
/// it goes on from the journal: generations that agents still run are adopted as they are.
/// </summary>
internal sealed partial class RunCoordinator : IHostedLifecycleService
{
    private readonly RunStreams streams;
    private readonly RunEffects effects;
    private readonly RunTable table;
    private readonly AgentDirectory agents;
    private readonly IJournal journal;
    private readonly TimeProvider time;
    private readonly ILogger<RunCoordinator> logger;

    public RunCoordinator(RunStreams streams, RunEffects effects, RunTable table, AgentDirectory agents, IJournal journal, TimeProvider time,
        ILogger<RunCoordinator> logger)
    {
        (this.streams, this.effects, this.table, this.agents, this.journal, this.time, this.logger) = (streams, effects, table, agents, journal, time, logger);
        streams.Happened = Happened;
    }

    private DateTimeOffset Now => time.GetUtcNow();

    /// <summary>Reads every run and agent of the journal; before the first session, message or request.</summary>
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        await agents.LoadAsync(await journal.ListStreamsAsync("worker", cancellationToken), cancellationToken);
        await streams.LoadAllAsync(cancellationToken);
        foreach (var run in table.Active())
        {
            if (run.Current is { } current)
            {
                effects.Follow(run.Id, current.Number).Reached(run.Step);
            }

            foreach (var member in run.Trainers.Where(member => !member.IsGone))
            {
                agents.Assign(new SlotId(member.Place.Agent, member.Place.Slot), TaskKey.Of(run, member));
            }
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        agents.SlotsChanged();
        return Task.CompletedTask;
    }

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>The run's state once the command's events, if any, are durable. Commands for one run take effect in the order of these calls.</summary>
    public Task<RunState> ExecuteAsync(string run, RunCommand command, CommandOrder? order = null) =>
        streams.ExecuteAsync(run, command with { NextSpanId = TraceContexts.NewSpanId() }, order);

    /// <summary>The run as the journal has it, with what follows from all of its events done.</summary>
    public Task<RunState> SeeAsync(string run) => streams.SeeAsync(run, long.MaxValue);

    /// <summary>A trainer is gone; ignored where it is not (any more) one of the run's.</summary>
    public Task<RunState> FailAsync(TaskKey task, FailureKind kind, string message, string detail = "", int suspect = -1, CommandOrder? order = null) => ExecuteAsync(
        task.Run,
        new RunCommand.Fail(task.Generation, task.Rank, kind, message, detail, suspect, ReachedBy(task), Now),
        order);

    /// <summary>The last step that the trainer's generation was heard at; 0 where it is not known.</summary>
    public long ReachedBy(TaskKey task) => table.Find(task.Run)?.Current is { } generation && generation.MemberOf(task.Trainer) is not null
        && effects.ProgressOf(task.Run) is { } progress && progress.Generation == generation.Number
            ? progress.Step
            : 0;

    /// <summary>Takes an ended run away, with its checkpoints, logs and metrics.</summary>
    public Task DeleteAsync(string run, CancellationToken cancellationToken) => streams.DeleteAsync(run, cancellationToken);

    private void Happened(RunState before, RunEvent happened, RunState after)
    {
        effects.Apply(before, happened, after);
        switch (happened)
        {
            case RunEvent.GenerationProposed e:
                LogProposed(after.Id, e.Generation, e.Members.Count, e.FromStep);
                break;
            case RunEvent.GenerationFailed { Survivors: { Count: > 0 } survivors } e:
                LogInterrupted(after.Id, e.Generation, e.Kind.Name(), e.Rank, e.Agent, e.Message, survivors.Count);
                break;
            case RunEvent.SurvivorLost e:
                LogSurvivorLost(after.Id, e.Kind.Name(), e.Agent, e.Message, after.Survivors.Count, e.StepsLost);
                break;
            case RunEvent.GenerationFailed e:
                LogFailed(after.Id, e.Generation, e.Kind.Name(), e.Rank, e.Agent, e.Message, e.StepsLost);
                break;
            case RunEvent.MemberRefused e:
                LogRefused(after.Id, e.Agent, e.ProbeHash, e.Expected);
                break;
            case RunEvent.RunEnded:
                LogEnded(after.Id, after.Name, after.Message);
                break;
            default:
                break;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {Run}: generation {Generation} of {WorldSize} from step {Step}")]
    private partial void LogProposed(string run, int generation, int worldSize, long step);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {Run}: generation {Generation} ended, rank {Rank} on {Agent} {Kind}: {Reason}; {StepsLost} steps lost")]
    private partial void LogFailed(string run, int generation, string kind, int rank, string agent, string reason, long stepsLost);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {Run}: generation {Generation} ended, rank {Rank} on {Agent} {Kind}: {Reason}; {Survivors} trainers go on")]
    private partial void LogInterrupted(string run, int generation, string kind, int rank, string agent, string reason, int survivors);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {Run}: a trainer on {Agent} that waited is {Kind}: {Reason}; {Survivors} wait on, {StepsLost} steps lost")]
    private partial void LogSurvivorLost(string run, string kind, string agent, string reason, int survivors, long stepsLost);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {Run}: {Agent} computes other bits (probe {ProbeHash}, expected {Expected}) and is left out")]
    private partial void LogRefused(string run, string agent, string probeHash, string expected);

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {Run} {State} {Reason}")]
    private partial void LogEnded(string run, string state, string reason);
}
