using System.Diagnostics;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Trainers;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>A task's last word to the coordinator.</summary>
internal static class LastWord
{
    /// <summary>Of a trainer that nobody took over from in the time that it had.</summary>
    internal const string Preempted = "the agent drains";

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
        EndReason.Preempted => new Report { Failed = new TaskFailed { Kind = "preempted", Message = Preempted, SuspectRank = -1 } },
        EndReason.Frozen => new Report { Failed = new TaskFailed { Kind = "hung", Message = $"the trainer was frozen: no sign of life for {AgentTask.FrozenAfter.TotalSeconds:0} s", SuspectRank = -1 } },
        EndReason.Fenced or EndReason.Shutdown => null,
        _ => throw new UnreachableException(),
    };
}
