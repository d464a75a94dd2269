using System.Collections.Immutable;

namespace Orchestrator.Control.Workers;

public enum WorkerPhase
{
    /// <summary>Never heard of, or gone for good.</summary>
    Unknown,
    Ready,

    /// <summary>Takes no new work; ends when its trainers have.</summary>
    Draining,

    /// <summary>Silent for too long. It may come back.</summary>
    Lost,
}

/// <summary>An agent, as it introduced itself.</summary>
/// <param name="Devices">One entry a slot: cpu, cuda:0.</param>
/// <param name="Embedded">Started by the coordinator's own pool.</param>
public sealed record WorkerIdentity(string Id, string Host, int Pid, string Version, ImmutableList<string> Devices, string Advertise, bool Embedded)
{
    public bool Equals(WorkerIdentity? other) => other is not null && Id == other.Id && Host == other.Host && Pid == other.Pid
        && Version == other.Version && Advertise == other.Advertise && Embedded == other.Embedded && Devices.SequenceEqual(other.Devices);

    public override int GetHashCode() => HashCode.Combine(Id, Host, Pid);
}

public abstract record WorkerCommand(DateTimeOffset At)
{
    public sealed record Register(WorkerIdentity Identity, DateTimeOffset At) : WorkerCommand(At);

    public sealed record Drain(DateTimeOffset At) : WorkerCommand(At);

    /// <summary>Its session ended or fell silent, and it did not come back in time.</summary>
    public sealed record Lose(DateTimeOffset At) : WorkerCommand(At);

    /// <summary>It said that it ends, or its process is known to have ended.</summary>
    public sealed record Leave(DateTimeOffset At) : WorkerCommand(At);
}

/// <summary>What happened to an agent. The names stand in journals.</summary>
public abstract record WorkerEvent(DateTimeOffset At)
{
    public sealed record WorkerRegistered(WorkerIdentity Identity, DateTimeOffset At) : WorkerEvent(At);

    public sealed record WorkerDraining(DateTimeOffset At) : WorkerEvent(At);

    public sealed record WorkerLost(DateTimeOffset At) : WorkerEvent(At);

    public sealed record WorkerLeft(DateTimeOffset At) : WorkerEvent(At);
}

/// <summary>An agent, as the fold of its events.</summary>
public sealed record WorkerState
{
    public static WorkerState Initial { get; } = new();

    public WorkerPhase Phase { get; init; }
    public WorkerIdentity? Identity { get; init; }

    /// <summary>Of the last change of phase.</summary>
    public DateTimeOffset Since { get; init; }

    public static IReadOnlyList<WorkerEvent> Decide(WorkerState state, WorkerCommand command)
    {
        ArgumentNullException.ThrowIfNull(state);
        return command switch
        {
            // A new process under the old name drains no more.
            WorkerCommand.Register c => state.Phase is WorkerPhase.Unknown or WorkerPhase.Lost || !c.Identity.Equals(state.Identity)
                ? [new WorkerEvent.WorkerRegistered(c.Identity, c.At)]
                : [],
            WorkerCommand.Drain c => state.Phase is WorkerPhase.Ready ? [new WorkerEvent.WorkerDraining(c.At)] : [],
            // One that drained and went has done as it was told.
            WorkerCommand.Lose c => state.Phase switch
            {
                WorkerPhase.Ready => [new WorkerEvent.WorkerLost(c.At)],
                WorkerPhase.Draining => [new WorkerEvent.WorkerLeft(c.At)],
                _ => [],
            },
            WorkerCommand.Leave c => state.Phase is WorkerPhase.Unknown ? [] : [new WorkerEvent.WorkerLeft(c.At)],
            _ => throw new ArgumentOutOfRangeException(nameof(command), command.GetType().Name, "A command for an agent."),
        };
    }

    public static WorkerState Apply(WorkerState state, WorkerEvent happened)
    {
        ArgumentNullException.ThrowIfNull(state);
        return happened switch
        {
            WorkerEvent.WorkerRegistered e => state with { Phase = WorkerPhase.Ready, Identity = e.Identity, Since = e.At },
            WorkerEvent.WorkerDraining e => state with { Phase = WorkerPhase.Draining, Since = e.At },
            WorkerEvent.WorkerLost e => state with { Phase = WorkerPhase.Lost, Since = e.At },
            WorkerEvent.WorkerLeft e => state with { Phase = WorkerPhase.Unknown, Since = e.At },
            _ => throw new ArgumentOutOfRangeException(nameof(happened), happened.GetType().Name, "An event of an agent."),
        };
    }
}
