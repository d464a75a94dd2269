using Orchestrator.Training;

namespace Orchestrator.Workloads.Tests;

/// <summary>Remembers what a run said.</summary>
internal sealed class Notes : ITrainingObserver
{
    private bool inBackward;

    public List<EpochResult> Epochs { get; } = [];

    public List<CheckpointResult> Checkpoints { get; } = [];

    public List<StepResult> Steps { get; } = [];

    public List<(long Step, int Epoch, IReadOnlyDictionary<string, double> Metrics)> Evaluations { get; } = [];

    /// <summary>The last that was told.</summary>
    public long ActivationBytes { get; private set; }

    public HashSet<TrainingPhase> Phases { get; } = [];

    /// <summary>Buckets of gradients that went to other ranks before backward was over.</summary>
    public int EarlyBuckets { get; private set; }

    /// <summary>Called after each step, from the training thread.</summary>
    public Action<StepResult> OnStep { get; init; } = static _ => { };

    public void Progress(TrainingProgress progress)
    {
        Phases.Add(progress.Phase);
        ActivationBytes = progress.ActivationBytes;
        inBackward = false;
    }

    public void Reached(TrainingPoint point, long step)
    {
        inBackward |= point == TrainingPoint.Backward;
        EarlyBuckets += inBackward && (point is TrainingPoint.Gradients or TrainingPoint.Bucket) ? 1 : 0;
    }

    public void EpochFinished(EpochResult result) => Epochs.Add(result);

    public void CheckpointWritten(CheckpointResult result) => Checkpoints.Add(result);

    public void StepEvaluated(long step, int epoch, IReadOnlyDictionary<string, double> metrics) => Evaluations.Add((step, epoch, metrics));

    public void StepMeasured(StepResult result)
    {
        Steps.Add(result);
        OnStep(result);
    }
}
