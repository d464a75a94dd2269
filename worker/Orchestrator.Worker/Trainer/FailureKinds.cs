using Orchestrator.Collectives;
using Orchestrator.Data.Formats;
using Orchestrator.Training;
using Orchestrator.V1;

namespace Orchestrator.Worker.Trainer;

/// <summary>What an exception on the training thread means for the run.</summary>
internal static class FailureKinds
{
    public static TaskFailed Of(Exception failure)
    {
        var (kind, suspect) = failure switch
        {
            CollectiveException lost => ("lost", lost.Peer),
            // Whoever had the state died; that was counted.
            NoStateException => ("preempted", -1),
            DiskFullException => ("lost", -1),
            DivergedException => ("diverged", -1),
            CorruptCheckpointException => ("corrupt", -1),
            CommandKilledException => ("lost", -1),
            // Another machine may have room; here somebody may make some.
            _ when DiskSpace.IsFull(failure) => ("lost", -1),
            _ when MemoryRefusal.Is(failure) => ("out-of-memory", -1),
            _ => ("user", -1),
        };
        var message = kind == "out-of-memory" ? MemoryRefusal.Line(failure) : failure.Message.Split('\n')[0].Trim();

        // A stack says nothing more of a full disk, and the report may lie on the same one, where a line finds room.
        var detail = failure is DiskFullException || DiskSpace.IsFull(failure) ? "" : failure.ToString();
        return new TaskFailed { Kind = kind, Message = message, Detail = detail, SuspectRank = suspect };
    }
}
