namespace Orchestrator.Training;

/// <summary>Hears what a rank does. Every member is called from the training thread, <see cref="CheckpointWritten"/> too: return quickly.</summary>
public interface ITrainingObserver
{
    /// <summary>Several times a step: a sign of life from the thread that trains.</summary>
    void Progress(TrainingProgress progress);

    /// <summary>On every rank, with the same figures.</summary>
    void EpochFinished(EpochResult result);

    /// <summary>On rank 0 alone; the folder is complete and fsynced.</summary>
    void CheckpointWritten(CheckpointResult result);

    /// <summary>Whether all checkpoints that it heard of are where no death on this machine can take them.</summary>
    bool HasDelivered => true;

    /// <summary>On every rank, with the same figures; once a step.</summary>
    void StepMeasured(StepResult result);

    /// <summary>On every rank, with the same figures: the validation rows were measured within an epoch. More than once for a step where members changed there.</summary>
    /// <param name="step">The step just applied, from 1.</param>
    /// <param name="epoch">From 0: the epoch that it belongs to.</param>
    /// <param name="metrics">val_loss, val_accuracy, ...</param>
    void StepEvaluated(long step, int epoch, IReadOnlyDictionary<string, double> metrics)
    {
    }

    /// <summary>Called at every <see cref="TrainingPoint"/>, from the training thread.</summary>
    /// <param name="step">Steps applied since the run began.</param>
    void Reached(TrainingPoint point, long step)
    {
    }

    /// <summary>Something for whoever runs the machine: one line, and the mend. From any thread.</summary>
    void Warn(string line)
    {
    }
}

/// <summary>Where in a run the training thread is; each phase has its own idea of "too long".</summary>
public enum TrainingPhase
{
    Loading,

    /// <summary>Becoming level with the generation's other members.</summary>
    Joining,
    FirstStep,
    Stepping,
    Reducing,
    Evaluating,
    Checkpointing,

    /// <summary>All is done, and the last checkpoint is on its way to where no death of a trainer can take it.</summary>
    Delivering,
}

/// <param name="Step">Steps applied since the run began.</param>
/// <param name="Epoch">Whole epochs done.</param>
/// <param name="SamplesPerSecond">Of all ranks, over the last second or so; 0 before the first step.</param>
public readonly record struct TrainingProgress(long Step, int Epoch, TrainingPhase Phase, double SamplesPerSecond)
{
    /// <summary>This rank's own work for one shard, without waiting for others: the median of the last steps; 0 while it is not known.</summary>
    public double ShardSeconds { get; init; }

    /// <summary>What a shard's forward pass keeps for its backward pass; 0 while it is not known, and on devices.</summary>
    public long ActivationBytes { get; init; }
}

/// <param name="Epoch">From 1: whole epochs done.</param>
/// <param name="Step">Steps applied since the run began.</param>
/// <param name="Metrics">train_loss, and val_loss, val_accuracy, ... where the validation rows were measured.</param>
/// <param name="Samples">Counted by the ledger, over all ranks.</param>
/// <param name="Seconds">Of the wall clock; since a resume, where the epoch was resumed in its middle.</param>
/// <param name="LedgerHash">Hash of the set of samples used, free of their order: 16 hexadecimal digits.</param>
public sealed record EpochResult(
    int Epoch, long Step, IReadOnlyDictionary<string, double> Metrics, long Samples, double Seconds, string LedgerHash);

/// <param name="Id"><c>{run}-{step}</c></param>
/// <param name="Bytes">Of all files together.</param>
/// <param name="ModelSha256">SHA-256 of <c>model.safetensors</c>, lower-case hexadecimal: the <c>weightsHash</c> of that step.</param>
/// <param name="Metrics">Of the last whole epoch; empty before the first.</param>
public sealed record CheckpointResult(
    string Id, string Directory, long Step, int Epoch, long Bytes, string ModelSha256, IReadOnlyDictionary<string, double> Metrics);

/// <param name="Step">From 1: the step just applied.</param>
/// <param name="Epoch">From 0: the epoch that it belongs to.</param>
/// <param name="TrainLoss">Mean over the global step's samples.</param>
/// <param name="GradientNorm">Global L2 norm of the reduced gradient, before clipping.</param>
public readonly record struct StepResult(long Step, int Epoch, double TrainLoss, double LearningRate, double GradientNorm)
{
    /// <summary>The figures by the names that they are reported with.</summary>
    public IReadOnlyDictionary<string, double> Metrics => new Dictionary<string, double>(StringComparer.Ordinal)
    {
        ["train_loss"] = TrainLoss,
        ["learning_rate"] = LearningRate,
        ["grad_norm"] = GradientNorm,
    };
}

/// <param name="Step">Steps applied since the run began.</param>
/// <param name="Epoch">Whole epochs done.</param>
/// <param name="WeightsHash">SHA-256 of the last checkpoint's <c>model.safetensors</c>; equal on every rank.</param>
/// <param name="SamplesPerEpoch">Of the last whole epoch.</param>
/// <param name="Stopped">True where <see cref="StopSignal"/> ended it before its last epoch, or last step.</param>
/// <param name="Metrics">Of the last whole epoch.</param>
public sealed record TrainingOutcome(
    long Step, int Epoch, string WeightsHash, long SamplesPerEpoch, bool Stopped, IReadOnlyDictionary<string, double> Metrics)
{
    /// <summary>It came to <see cref="TrainingTask.UntilEpoch"/>, and there would be more to train.</summary>
    public bool Paused { get; init; }

    /// <summary>All ranks left together, with a checkpoint of the last step: nobody goes on here.</summary>
    public bool Left { get; init; }
}

/// <summary>
/// Asks a rank to end early. Ranks agree over the collective, so that all stop after the same epoch: the one in which the first of them was asked; and all leave after the same step: the one by which the last of them
/// was asked.
/// </summary>
public sealed class StopSignal
{
    private volatile bool stop;
    private volatile bool leave;

    public bool IsRequested => stop;

    public bool IsLeaveRequested => leave;

    /// <summary>End after the running epoch, with a checkpoint. From any thread.</summary>
    public void RequestStop() => stop = true;

    /// <summary>End after the running step, with a checkpoint from which others go on: this machine is wanted back. From any thread.</summary>
    public void RequestLeave() => leave = true;
}
