using Orchestrator.Collectives;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.V1;

namespace Orchestrator.Worker.Trainer;

/// <summary>What a trainer does before it says that it is ready, so that nobody waits for it to do it for the first time. One that fails costs nothing but time: what is wrong shows in earnest.</summary>
internal static class Rehearsals
{
    private static bool hasMet;

    /// <summary>For a trainer in reserve, which does not know yet with whom.</summary>
    public static void Meet()
    {
        try
        {
            OwnPeer.Meet().Dispose();
            hasMet = true;
        }
        catch (Exception failure) when (failure is IOException or CollectiveException)
        {
            // The task tells, if it is still so.
        }
    }

    public static void Of(TrainingRun run, AssignTask task, RunSpec spec, Serilog.ILogger log)
    {
        if (task.EvaluateTest || (!task.Joins && (hasMet || spec.Training.Workers.Max == 1)))
        {
            return;
        }

        try
        {
            using var peer = OwnPeer.Meet();
            hasMet = true;
            if (task.Joins)
            {
                run.Rehearse(peer.One, peer.Other);
            }
        }
        catch (Exception failure)
        {
            log.Information("the rehearsal ended early: {Message}", failure.Message);
        }
    }
}
