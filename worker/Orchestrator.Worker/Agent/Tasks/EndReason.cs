using System.Diagnostics;
using Orchestrator.V1;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>Why the agent ends a trainer.</summary>
internal enum EndReason
{
    /// <summary>The coordinator asked: it hears that the task has ended.</summary>
    Stopped,

    /// <summary>A newer generation has its place: nobody wants to hear of it.</summary>
    Fenced,

    /// <summary>The agent drains: the work goes elsewhere, at no cost to its budget.</summary>
    Preempted,

    /// <summary>The cluster goes down.</summary>
    Shutdown,
}

/// <summary>A task's last word to the coordinator.</summary>
internal static class LastWord
{
    /// <param name="reason">Why the agent ended its trainer; null where it ended by itself.</param>
    /// <param name="end">How the trainer ended.</param>
    /// <param name="last">Where it was heard last.</param>
    /// <returns>Null where nobody wants to hear of it.</returns>
    public static Report? Of(EndReason? reason, Report end, TaskProgress last) => reason switch
    {
        null => end,
        EndReason.Stopped when end.Ended is not null => end,
        EndReason.Stopped => new Report { Ended = new TaskEnded { Step = last.Step, Epoch = last.Epoch, Stopped = true } },
        EndReason.Preempted when end.Ended is not null => end,
        EndReason.Preempted => new Report { Failed = new TaskFailed { Kind = "preempted", Message = "the agent drains", SuspectRank = -1 } },
        EndReason.Fenced or EndReason.Shutdown => null,
        _ => throw new UnreachableException(),
    };
}
