using Orchestrator.Collectives;
using Orchestrator.Data;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.Training.Checkpoints;
using Orchestrator.Workloads;
using TorchSharp;

namespace Orchestrator.Worker.Local;

/// <summary>A run whose one rank, in this process, owns all shards: the same bits as on a cluster.</summary>
internal static class OneProcess
{
    /// <param name="output">Where checkpoints are written.</param>
    /// <param name="device"><c>cpu</c> or <c>cuda:0</c>.</param>
    /// <param name="from">A checkpoint's folder to go on from; null to begin at step 0.</param>
    public static TrainingRun Load(RunSpec spec, string run, string dataset, string output, string device, string? from = null)
    {
        torch.set_num_threads(spec.Training.Threads);
        var task = new TrainingTask
        {
            Spec = spec,
            Run = run,
            DatasetDirectory = dataset,
            Plan = ShardPlan.Even(spec.Training.Shards, 1),
            Rank = 0,
            OutputDirectory = output,
            Device = device,
            CheckpointDirectory = from,
        };
        return TrainingRun.Load(task, new WorkloadCatalog());
    }

    public static TrainingOutcome Train(TrainingRun run, RunSpec spec, ITrainingObserver observer, CancellationToken cancellationToken = default) =>
        run.Train(new LocalCollective(ShardPlan.Even(spec.Training.Shards, 1)), observer, new StopSignal(), cancellationToken);

    /// <summary>What went wrong in one line; what a workload throws comes out with its stack.</summary>
    /// <exception cref="CommandException">In place of what is known to be the file's, the dataset's or the machine's fault.</exception>
    public static int Told(Func<int> work)
    {
        try
        {
            return work();
        }
        catch (Exception mistake) when (mistake is SpecException or DataFormatException or CorruptCheckpointException)
        {
            throw new CommandException(ExitCode.BadInput, mistake.Message);
        }
        catch (Exception end) when (end is DivergedException or DiskFullException)
        {
            throw new CommandException(ExitCode.Failed, end.Message);
        }
    }
}
