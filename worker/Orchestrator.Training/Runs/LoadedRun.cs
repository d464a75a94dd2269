using Orchestrator.Collectives;
using Orchestrator.Data;
using Orchestrator.Data.Sampling;
using Orchestrator.Specs;
using Orchestrator.Training.Checkpoints;
using Orchestrator.Training.Engine;
using Orchestrator.Training.Input;
using Orchestrator.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training;

/// <summary>Everything that a task names, opened, checked against each other and on the device.</summary>
internal sealed class LoadedRun : IDisposable
{
    private LedgerEntry? expectedLedger;

    private LoadedRun(TrainingTask task, Dataset dataset, Workload workload, FlatModel model, FlatOptimizer optimizer, CheckpointManifest? checkpoint)
    {
        (Task, UntilEpoch) = (task, task.UntilEpoch);
        Dataset = dataset;
        Workload = workload;
        Model = model;
        Optimizer = optimizer;
        Checkpoint = checkpoint;
        Plan = PlanOf(task.Spec, dataset);
        Encoders = [.. workload.Inputs.Select(input => new FeatureEncoder(input, dataset.Manifest, task.Spec.Training.Augment))];
    }

    public TrainingTask Task { get; }

    public RunSpec Spec => Task.Spec;

    /// <summary>As <see cref="TrainingTask.UntilEpoch"/>; a later generation may have another.</summary>
    public int UntilEpoch { get; set; }

    /// <summary>The epoch with which the task ends.</summary>
    public int LastEpoch => UntilEpoch == 0 ? Spec.Training.Epochs : Math.Min(UntilEpoch, Spec.Training.Epochs);

    public Dataset Dataset { get; }

    public Workload Workload { get; }

    public FlatModel Model { get; }

    public FlatOptimizer Optimizer { get; }

    /// <summary>Where the run goes on from; null at its beginning.</summary>
    public CheckpointManifest? Checkpoint { get; }

    public EpochPlan Plan { get; }

    public FeatureEncoder[] Encoders { get; }

    public static LoadedRun Open(TrainingTask task, IWorkloadCatalog catalog)
    {
        var spec = task.Spec;
        set_num_threads(spec.Training.Threads);
        DeterministicDevice.Require(task.Device);
        Schedule.Check(spec.Training.Schedule);
        var dataset = Dataset.Open(task.DatasetDirectory, spec.Dataset.SplitSeed, verify: false);
        var checkpoint = task.CheckpointDirectory is { } directory ? CheckpointFolder.Verify(directory) : null;
        Workload? workload = null;
        FlatModel? model = null;
        FlatOptimizer? optimizer = null;
        try
        {
            DeterministicDevice.Seed(new CounterRandom(spec.Seed, RandomStream.Weights).NextUInt64(), device(task.Device));
            workload = catalog.For(spec).Create(new WorkloadContext(spec, dataset.Manifest));
            Freezing.Apply(workload.Model, spec.Training.Freeze);
            model = new FlatModel(workload.Model, device(task.Device));
            optimizer = FlatOptimizer.Create(spec.Training, model);
            if (task.CheckpointDirectory is { } resumed)
            {
                StateSnapshot.Load(resumed, model, optimizer);
            }

            var run = new LoadedRun(task, dataset, workload, model, optimizer, checkpoint);
            run.Check();
            return run;
        }
        catch
        {
            optimizer?.Dispose();
            model?.Dispose();
            workload?.Dispose();
            dataset.Dispose();
            throw;
        }
    }

    /// <summary>The rank's shards, in the order of the steps, to the run's end.</summary>
    public IEnumerable<BatchRequest> Requests(ShardRange shards, int epoch, long stepOfEpoch)
    {
        for (; epoch < LastEpoch; epoch++, stepOfEpoch = 0)
        {
            var order = new KeyedPermutation(Plan.Samples, Spec.Seed, epoch);
            for (; stepOfEpoch < Plan.Steps; stepOfEpoch++)
            {
                for (var shard = shards.First; shard < shards.End; shard++)
                {
                    yield return new BatchRequest(Plan.Shard(stepOfEpoch, shard), order, epoch);
                }
            }
        }
    }

    /// <summary>Every row of the split once, or the run's promise is broken.</summary>
    /// <exception cref="InvalidOperationException">The ledger of an epoch is not what it must be.</exception>
    public void Check(LedgerEntry ledger, int epoch)
    {
        expectedLedger ??= SampleLedger.Expected(Plan.Samples);
        if (ledger != expectedLedger)
        {
            throw new InvalidOperationException(
                $"Epoch {epoch + 1} used {ledger.Samples} samples (hash {ledger.Hash}) instead of every one of {expectedLedger.Samples} once (hash {expectedLedger.Hash}).");
        }
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        Model.Dispose();
        Workload.Dispose();
        Dataset.Dispose();
    }

    private static EpochPlan PlanOf(RunSpec spec, Dataset dataset) =>
        new(dataset.Split(SplitName.Train).Rows, spec.Training.BatchSize, spec.Training.Shards);

    private void Check()
    {
        var training = Spec.Training;
        if (Plan.Steps == 0)
        {
            throw WorkloadContext.Mistake("empty-dataset", "dataset", $"{Spec.Dataset.Name} has no rows to train on", "add it again with rows");
        }

        if (Task.Plan.Shards != training.Shards)
        {
            throw new ArgumentException($"The plan has {Task.Plan.Shards} shards, the spec {training.Shards}.");
        }

        if (training.Augment.Count > 0 && !Encoders.Any(encoder => encoder.IsAugmented))
        {
            throw WorkloadContext.Mistake("shape-mismatch", "training.augment", $"{Spec.Dataset.Name} has no images to augment", "leave it out");
        }

        if ((training.EarlyStopping is not null || training.Schedule.Name == "plateau") && Dataset.Split(SplitName.Validation).Rows == 0)
        {
            throw WorkloadContext.Mistake(
                "empty-dataset", training.EarlyStopping is null ? "training.schedule" : "training.early_stopping", $"{Spec.Dataset.Name} has no validation rows to look at", "leave it out, or add the dataset with a split");
        }

        // Steps differ by one sample at most, and so do a step's shards.
        var least = Plan.Samples / Plan.Steps / training.Shards;
        if (Model.HasBatchNorm && least < 2)
        {
            throw WorkloadContext.Mistake(
                "out-of-range", "training.batch_size", $"batch norm needs two samples in every shard; {training.BatchSize} over {training.Shards} shards leaves fewer", "a larger batch, or fewer shards");
        }

        if (Checkpoint is { } from && (from.DatasetSha256 != Dataset.Manifest.Sha256 || from.Seed != Spec.Seed))
        {
            throw new CorruptCheckpointException(Task.CheckpointDirectory!, "it belongs to another dataset or seed than the run");
        }
    }
}
