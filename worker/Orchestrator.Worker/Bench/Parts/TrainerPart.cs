using System.Diagnostics;
using Orchestrator.Collectives;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.Workloads;

namespace Orchestrator.Worker.Bench.Parts;

/// <summary>A rank as a run has it, whose steps come in turns. Evaluations are not timed.</summary>
internal sealed class TrainerPart : ITrainingObserver
{
    private readonly SliceClock clock = new();
    private long evaluating;
    private long backward;
    private long reducing;
    private long saving;
    private string output = "";

    public static void Run(PartOrder order)
    {
        var spec = RunSpec.FromJson(order.Spec);
        var plan = ShardPlan.Even(spec.Training.Shards, order.WorldSize);
        var collective = Rendezvous.Meet(order, plan);
        var task = new TrainingTask
        {
            Spec = spec,
            Run = "bench",
            DatasetDirectory = order.Dataset,
            Plan = plan,
            Rank = order.Rank,
            OutputDirectory = order.Output,
            Overlap = order.Overlap,
        };
        using var run = TrainingRun.Load(task, new WorkloadCatalog());
        var part = new TrainerPart { output = order.Output };
        if (part.clock.Wait())
        {
            run.Train(collective, part, new StopSignal(), CancellationToken.None);
        }
    }

    public void StepMeasured(StepResult result)
    {
        if (!clock.Step())
        {
            Native.ExitNow(ExitCode.Done);
        }
    }

    public void Progress(TrainingProgress progress)
    {
        if (progress.Phase == TrainingPhase.Evaluating && evaluating == 0)
        {
            evaluating = Stopwatch.GetTimestamp();
        }

        saving = progress.Phase == TrainingPhase.Checkpointing ? Stopwatch.GetTimestamp() : saving;
        if (reducing != 0)
        {
            clock.Note(Stopwatch.GetElapsedTime(reducing));
        }

        reducing = progress.Phase == TrainingPhase.Reducing ? Stopwatch.GetTimestamp() : 0;
        if (reducing != 0)
        {
            clock.Note(Stopwatch.GetElapsedTime(backward, reducing));
        }
    }

    public void Reached(TrainingPoint point, long step) => backward = point == TrainingPoint.Backward ? Stopwatch.GetTimestamp() : backward;

    public void EpochFinished(EpochResult result)
    {
        clock.Leave(Stopwatch.GetElapsedTime(evaluating));
        evaluating = 0;
    }

    /// <summary>Heard at the end of the step in which it was done.</summary>
    public void CheckpointWritten(CheckpointResult result)
    {
        WrittenCheckpoint.Append(output, new WrittenCheckpoint(result.Bytes, Stopwatch.GetElapsedTime(saving).TotalSeconds));
        Directory.Delete(result.Directory, recursive: true);
    }
}
