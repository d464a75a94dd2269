using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Orchestrator.Collectives;
using Orchestrator.Training.Checkpoints;

namespace Orchestrator.Training;

/// <summary>
/// A trainer's part in a run, through all the generations that it lives to see: model, optimizer, dataset, position and checkpoints stay; connections, ranges and what hangs on them change.
/// </summary>
public sealed class TrainingSession : IDisposable
{
    /// <summary>The last checkpoint may take long, or never come, to a coordinator that is away: agents keep it, and say so when it is back.</summary>
    private static readonly TimeSpan DeliveryPatience = TimeSpan.FromSeconds(30);

    private readonly LoadedRun run;
    private readonly ITrainingObserver observer;
    private readonly StopSignal stop;
    private readonly HardwareFacts hardware;
    private readonly CheckpointWriter checkpoints;
    private readonly TrainingState state;
    private readonly Throughput throughput = new();
    private CheckpointResult? newest;

    internal TrainingSession(LoadedRun run, bool hasState, ITrainingObserver observer, StopSignal stop, HardwareFacts hardware)
    {
        (this.run, this.observer, this.stop, this.hardware) = (run, observer, stop, hardware);
        HasState = hasState;
        state = TrainingState.Of(run.Checkpoint);
        state.Origin = CheckpointSource.Of(run.Checkpoint, run.Task.Run);
        checkpoints = new CheckpointWriter(new StateSnapshot(run.Model, run.Optimizer), run.Task.OutputDirectory, observer.Warn);
    }

    /// <summary>Steps applied since the run began.</summary>
    public long Step => state.Step;

    /// <summary>Whole epochs done.</summary>
    public int Epoch => state.Epoch;

    /// <summary>False for a newcomer that has not got the state from a peer yet.</summary>
    public bool HasState { get; private set; }

    /// <summary>Trains in one generation: brings its members level, then goes on from the step after the last one applied.</summary>
    /// <param name="collective">Of this rank; not disposed of.</param>
    /// <returns>Null where the ranks have agreed to go on as the next generation.</returns>
    /// <exception cref="CollectiveException">A peer is gone: this generation is over. Nothing of the step in flight is kept; the session can go on in another one.</exception>
    /// <exception cref="NoStateException">No member has the run's state.</exception>
    /// <exception cref="DivergedException">On every rank, at the same step.</exception>
    /// <exception cref="IOException">A checkpoint can't be written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; no checkpoint is written.</exception>
    public TrainingOutcome? Train(ICollective collective, GenerationStart start, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(collective);
        ArgumentNullException.ThrowIfNull(start);
        if (collective.WorldSize > 1 || !HasState)
        {
            Reached(TrainingPoint.Join);
            StateTransfer.Align(collective, run, state, HasState, () =>
            {
                Alive(TrainingPhase.Joining);
                Reached(TrainingPoint.Transfer);
            });
            HasState = true;
        }

        run.UntilEpoch = start.UntilEpoch ?? run.UntilEpoch;
        CatchUp(collective.Rank, start, cancellationToken);
        using var loop = new TrainingLoop(this, collective, start, cancellationToken);
        return loop.Run() is var end and not LoopEnd.Switched ? Outcome(collective, end) : null;
    }

    /// <summary>The run goes on without this rank: tells of the checkpoint that it may still be writing.</summary>
    public void Leave() => ReportWritten(wait: true);

    /// <summary>Between two generations: nobody here waits for the next one any longer. What this rank has goes into a checkpoint, for others to go on from.</summary>
    /// <returns>Null where it has nothing that a checkpoint could stand for.</returns>
    public TrainingOutcome? WriteAndLeave()
    {
        ReportWritten(wait: true);
        // At the end of an epoch that is not finished none can be written: the finished epoch's would be of the same step.
        if (!HasState || state.Step == 0 || state.StepOfEpoch == run.Plan.Steps)
        {
            return null;
        }

        if (newest?.Step != state.Step)
        {
            Save(rank: 0, CancellationToken.None);
            ReportWritten(wait: true);
        }

        return Outcome(newest!.ModelSha256, stopped: true);
    }

    public void Dispose() => checkpoints.Dispose();

    internal LoadedRun Run => run;

    internal TrainingState State => state;

    internal ITrainingObserver Observer => observer;

    internal StopSignal Stop => stop;

    internal Throughput Throughput => throughput;

    internal ShardPace Pace { get; } = new();

    /// <summary>Nothing of it is kept.</summary>
    internal bool IsRehearsal { get; init; }

    /// <summary>0 while it is not known.</summary>
    internal long ActivationBytes { get; set; }

    internal void Alive(TrainingPhase phase) => observer.Progress(
        new TrainingProgress(state.Step, state.Epoch, phase, throughput.PerSecond) { ShardSeconds = Pace.Seconds, ActivationBytes = ActivationBytes });

    internal void Reached(TrainingPoint point) => observer.Reached(point, state.Step);

    /// <summary>A checkpoint is due: all keep it, rank 0 writes it.</summary>
    internal void Save(int rank, CancellationToken cancellationToken)
    {
        if (IsRehearsal)
        {
            return;
        }

        using var span = TrainingSpans.Source.StartActivity("checkpoint");
        Alive(TrainingPhase.Checkpointing);
        Reached(TrainingPoint.Checkpoint);
        ReportWritten(wait: true);
        state.DueCheckpoint = state.Step;
        checkpoints.Hold(Order());
        if (rank == 0)
        {
            checkpoints.Begin(cancellationToken);
        }

        Reached(TrainingPoint.Write);
    }

    /// <summary>Tells of the checkpoint that was written since, if any.</summary>
    internal void ReportWritten(bool wait)
    {
        if (checkpoints.TryTake(wait) is { } written)
        {
            newest = written;
            observer.CheckpointWritten(written);
        }
    }

    /// <summary>What rank 0 of the generation before may have taken along when it died is said and written again.</summary>
    private void CatchUp(int rank, GenerationStart start, CancellationToken cancellationToken)
    {
        if (rank == 0)
        {
            foreach (var epoch in state.Epochs.Where(epoch => epoch.Epoch > start.KnownEpochs))
            {
                observer.EpochFinished(epoch);
            }
        }

        switch (CheckpointDuties.Of(state, start.KnownCheckpoint, rank, checkpoints.HeldStep, checkpoints.HasBegun))
        {
            case CheckpointDuty.Save:
                Save(rank, cancellationToken);
                break;
            case CheckpointDuty.Write:
                checkpoints.Begin(cancellationToken);
                break;
            case CheckpointDuty.None:
                break;
        }
    }

    private CheckpointOrder Order()
    {
        var manifest = new CheckpointManifest
        {
            Run = run.Task.Run,
            Step = state.Step,
            Epoch = state.Epoch,
            StepOfEpoch = state.StepOfEpoch,
            Seed = run.Spec.Seed,
            Spec = run.Spec,
            DatasetSha256 = run.Dataset.Manifest.Sha256,
            Dataset = JsonNode.Parse(run.Dataset.Manifest.ToBytes())!.AsObject(),
            Ledger = state.Ledger.Entry,
            EpochLoss = state.EpochLoss,
            Trail = state.Trail.Record,
            Metrics = new SortedDictionary<string, double>(state.Metrics, StringComparer.Ordinal),
            Course = state.Course == MetricCourse.Beginning ? null : state.Course,
            Origin = state.Origin,
            Hardware = hardware,
            Files = [],
        };
        return new CheckpointOrder(string.Create(CultureInfo.InvariantCulture, $"{run.Task.Run}-{state.Step}"), state.Step, files => manifest with { Files = files });
    }

    private TrainingOutcome Outcome(ICollective collective, LoopEnd end)
    {
        Reached(TrainingPoint.End);
        WaitForWriter(collective);
        var hash = newest is { } last && last.Step == state.Step ? last.ModelSha256 : checkpoints.HashNow();
        return Outcome(hash, end is not LoopEnd.Done) with { Left = end is LoopEnd.Left };
    }

    private TrainingOutcome Outcome(string hash, bool stopped) => new(state.Step, state.Epoch, hash, state.SamplesPerEpoch, stopped, state.Metrics)
    {
        Paused = !stopped && state.Epoch < run.Spec.Training.Epochs && !state.Course.IsExhausted(run.Spec.Training),
    };

    /// <summary>Nobody goes before the last checkpoint is delivered: should rank 0 die over it, another writes it. Told again and again, for a large file takes longer than peers may be silent.</summary>
    private void WaitForWriter(ICollective collective)
    {
        var began = Stopwatch.GetTimestamp();
        while (collective.WorldSize > 1)
        {
            ReportWritten(wait: false);
            var delivered = observer.HasDelivered || Stopwatch.GetElapsedTime(began) > DeliveryPatience;
            var done = collective.AllGather([checkpoints.IsWriting || !delivered ? (byte)0 : (byte)1]).All(rank => rank[0] == 1);
            if (done)
            {
                return;
            }

            Alive(checkpoints.IsWriting ? TrainingPhase.Checkpointing : TrainingPhase.Delivering);
            Thread.Sleep(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(1) ? 1 : 100);
        }

        ReportWritten(wait: true);
    }
}
