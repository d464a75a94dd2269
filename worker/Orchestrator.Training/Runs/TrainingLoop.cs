using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Orchestrator.Collectives;
using Orchestrator.Data;
using Orchestrator.Specs;
using Orchestrator.Training.Checkpoints;
using Orchestrator.Training.Engine;
using Orchestrator.Training.Evaluation;
using Orchestrator.Training.Input;

namespace Orchestrator.Training;

/// <summary>Steps, epochs, evaluations and checkpoints, in their order.</summary>
internal sealed class TrainingLoop : IDisposable
{
    private readonly LoadedRun run;
    private readonly ICollective collective;
    private readonly ITrainingObserver observer;
    private readonly StopSignal stop;
    private readonly HardwareFacts hardware;
    private readonly CancellationToken cancellationToken;
    private readonly SampleLedger ledger = new();
    private readonly Throughput throughput = new();
    private readonly StepSampling sampling = new();
    private readonly StepEngine engine;
    private readonly Evaluator evaluator;
    private readonly CheckpointWriter checkpoints;
    private readonly BatchLoader input;
    private readonly Position position;
    private readonly BestEpoch best;
    private CheckpointResult? newest;

    public TrainingLoop(LoadedRun run, ICollective collective, ITrainingObserver observer, StopSignal stop, HardwareFacts hardware, CancellationToken cancellationToken)
    {
        this.run = run;
        this.collective = collective;
        this.observer = observer;
        this.stop = stop;
        this.hardware = hardware;
        this.cancellationToken = cancellationToken;
        position = Position.Of(run.Checkpoint);
        if (run.Checkpoint is { } from && collective.Rank == 0)
        {
            ledger.Restore(from.Ledger);
        }

        var shards = collective.Plan.Ranges[collective.Rank];
        engine = new StepEngine(run.Workload, run.Model, run.Optimizer, run.Spec, collective, ledger, run.Plan.Steps * run.Spec.Training.Epochs);
        evaluator = new Evaluator(run.Workload, run.Model, run.Dataset.Manifest, run.Spec.Seed);
        best = new BestEpoch(run.Spec.Training.Checkpoint);
        checkpoints = new CheckpointWriter(new StateSnapshot(run.Model, run.Optimizer), run.Task.OutputDirectory, observer.Warn);
        input = new BatchLoader(
            run.Dataset.Split(SplitName.Train),
            run.Dataset.Manifest.Target,
            run.Encoders,
            run.Requests(shards, position.Epoch, position.StepOfEpoch),
            run.Plan.GreatestShard,
            ahead: Math.Max(2, shards.Count) + 1,
            run.Spec.Seed,
            run.Model.Device,
            cancellationToken);
    }

    public TrainingOutcome Run()
    {
        var phase = TrainingPhase.FirstStep;
        var stopped = false;
        while (position.Epoch < run.Spec.Training.Epochs && !stopped)
        {
            using var span = TrainingSpans.Source.StartActivity("epoch");
            span?.SetTag("epoch", position.Epoch);
            var began = Stopwatch.GetTimestamp();
            var waited = input.Waited;
            if (position.StepOfEpoch == 0)
            {
                ledger.Clear();
                position.EpochLoss = 0;
            }

            while (position.StepOfEpoch < run.Plan.Steps)
            {
                Step(phase);
                phase = TrainingPhase.Stepping;
            }

            span?.SetTag("data_wait_seconds", (input.Waited - waited).TotalSeconds);
            stopped = FinishEpoch(Stopwatch.GetElapsedTime(began));
        }

        return Outcome(stopped && position.Epoch < run.Spec.Training.Epochs);
    }

    public void Dispose()
    {
        input.Dispose();
        checkpoints.Dispose();
        engine.Dispose();
    }

    private void Step(TrainingPhase phase)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var samples = run.Plan.Step(position.StepOfEpoch).Count;
        using var span = sampling.Begin(position.Step + 1, position.Epoch, position.StepOfEpoch);
        var first = phase == TrainingPhase.FirstStep;
        var outcome = engine.Run(
            position.Step + 1, samples, Math.Min(samples, run.Plan.Shards), input, current => Alive(first ? TrainingPhase.FirstStep : current), span is not null);
        position.Step++;
        position.StepOfEpoch++;
        position.EpochLoss += outcome.LossSum;
        throughput.Add(samples);
        observer.StepMeasured(new StepResult(position.Step, position.Epoch, outcome.LossSum / samples, outcome.LearningRate, outcome.GradientNorm));
        Report(checkpoints.TryTake(wait: false));
        if (run.Spec.Training.Checkpoint.Every is { Unit: EveryUnit.Step } every && position.Step % every.Count == 0 && position.StepOfEpoch < run.Plan.Steps)
        {
            Save(ledger.Gather(collective, flag: false).Entry);
        }
    }

    /// <returns>Whether the run is to stop here.</returns>
    private bool FinishEpoch(TimeSpan elapsed)
    {
        var (entry, stopping) = ledger.Gather(collective, stop.IsRequested);
        var metrics = Evaluate();
        metrics["train_loss"] = position.EpochLoss / run.Plan.Samples;
        position.FinishEpoch(metrics, entry.Samples);
        observer.EpochFinished(new EpochResult(position.Epoch, position.Step, metrics, entry.Samples, elapsed.TotalSeconds, entry.Hash));
        var isBest = best.Improves(metrics);
        if (stopping || isBest || position.Epoch == run.Spec.Training.Epochs || IsDue(run.Spec.Training.Checkpoint.Every))
        {
            Save(entry);
        }

        return stopping;
    }

    private bool IsDue(Every every) => every.Unit == EveryUnit.Epoch ? position.Epoch % every.Count == 0 : position.Step % every.Count == 0;

    private SortedDictionary<string, double> Evaluate()
    {
        using var span = TrainingSpans.Source.StartActivity("evaluate");
        Alive(TrainingPhase.Evaluating);
        var metrics = evaluator.Run(
            run.Dataset.Split(SplitName.Validation), "val_", detailed: false, collective, () => Alive(TrainingPhase.Evaluating), cancellationToken);
        var bad = metrics.FirstOrDefault(metric => !double.IsFinite(metric.Value)).Key;
        return bad is null ? metrics : throw new DivergedException(position.Step, bad);
    }

    private void Save(LedgerEntry entry)
    {
        if (collective.Rank != 0)
        {
            return;
        }

        using var span = TrainingSpans.Source.StartActivity("checkpoint");
        Alive(TrainingPhase.Checkpointing);
        Report(checkpoints.TryTake(wait: true));
        var manifest = new CheckpointManifest
        {
            Run = run.Task.Run,
            Step = position.Step,
            Epoch = position.Epoch,
            StepOfEpoch = position.StepOfEpoch,
            Seed = run.Spec.Seed,
            Spec = run.Spec,
            DatasetSha256 = run.Dataset.Manifest.Sha256,
            Dataset = JsonNode.Parse(run.Dataset.Manifest.ToBytes())!.AsObject(),
            Ledger = entry,
            EpochLoss = position.EpochLoss,
            Metrics = new SortedDictionary<string, double>(position.Metrics, StringComparer.Ordinal),
            Hardware = hardware,
            Files = [],
        };
        checkpoints.Begin(
            files => manifest with { Files = files }, string.Create(CultureInfo.InvariantCulture, $"{run.Task.Run}-{position.Step}"), cancellationToken);
    }

    private void Report(CheckpointResult? written)
    {
        if (written is not null)
        {
            newest = written;
            observer.CheckpointWritten(written);
        }
    }

    private TrainingOutcome Outcome(bool stopped)
    {
        Report(checkpoints.TryTake(wait: true));
        var hash = newest is { } last && last.Step == position.Step ? last.ModelSha256 : checkpoints.HashNow();
        return new TrainingOutcome(position.Step, position.Epoch, hash, position.SamplesPerEpoch, stopped, position.Metrics);
    }

    private void Alive(TrainingPhase phase) => observer.Progress(new TrainingProgress(position.Step, position.Epoch, phase, throughput.PerSecond));
}
