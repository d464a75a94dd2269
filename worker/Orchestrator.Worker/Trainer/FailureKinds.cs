using Orchestrator.Collectives;
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
            DivergedException => ("diverged", -1),
            OutOfMemoryException => ("out-of-memory", -1),
            CorruptCheckpointException => ("corrupt", -1),
            _ when IsAllocation(failure) => ("out-of-memory", -1),
            _ => ("user", -1),
        };
        return new TaskFailed { Kind = kind, Message = failure.Message.Split('\n')[0].Trim(), Detail = failure.ToString(), SuspectRank = suspect };
    }

    // libtorch has no type for it: its exceptions differ by their text alone.
    private static bool IsAllocation(Exception failure) => failure is System.Runtime.InteropServices.ExternalException
        && (failure.Message.Contains("DefaultCPUAllocator", StringComparison.Ordinal) || failure.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase));
}
