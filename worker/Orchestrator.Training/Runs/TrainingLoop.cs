using System.Diagnostics;
using Orchestrator.Collectives;
using Orchestrator.Data;
using Orchestrator.Specs;
using Orchestrator.Training.Engine;
using Orchestrator.Training.Evaluation;
using Orchestrator.Training.Input;
using Orchestrator.Training.Optimization;

namespace Orchestrator.Training;

/// <summary>Why a generation's steps are over.</summary>
internal enum LoopEnd
{
    /// <summary>The last epoch is done.</summary>
    Done,

    /// <summary>Some rank was asked to stop, and the epoch is done.</summary>
    Stopped,

    /// <summary>All ranks were asked to leave, and the step is done.</summary>
    Left,

    /// <summary>All ranks go on as another generation.</summary>
    Switched,
}

/// <summary>Steps, epochs, evaluations and checkpoints of one generation, in their order.</summary>
internal sealed class TrainingLoop : IDisposable
{
    private readonly TrainingSession session;
    private readonly LoadedRun run;
    private readonly TrainingState state;
    private readonly ICollective collective;
    private readonly GenerationStart start;
    private readonly CancellationToken cancellationToken;
    private readonly StepSampling sampling = new();
    private readonly StepEngine engine;
    private readonly Evaluator evaluator;
    private readonly BatchLoader input;
    private readonly BestEpoch best;

    public TrainingLoop(TrainingSession session, ICollective collective, GenerationStart start, CancellationToken cancellationToken)
    {
        (this.session, this.collective, this.start, this.cancellationToken) = (session, collective, start, cancellationToken);
        (run, state) = (session.Run, session.State);
        var shards = collective.Plan.Ranges[collective.Rank];
        engine = new StepEngine(run.Workload, run.Model, run.Optimizer, run.Spec, collective, state.Ledger, new RunLength(run.Plan.Steps, run.Spec.Training.Epochs), run.Task.Overlap);
        evaluator = new Evaluator(run.Workload, run.Model, run.Dataset.Manifest, run.Spec.Seed);
        best = new BestEpoch(run.Spec.Training.Checkpoint);
        input = new BatchLoader(
            run.Dataset.Split(SplitName.Train),
            run.Dataset.Manifest.Target,
            run.Encoders,
            run.Requests(shards, state.Epoch, state.StepOfEpoch),
            run.Plan.GreatestShard,
            ahead: Math.Max(2, shards.Count) + 1,
            run.Spec.Seed,
            run.Model.Device,
            cancellationToken);
    }

    public LoopEnd Run()
    {
        var phase = TrainingPhase.FirstStep;
        while (!IsOver)
        {
            using var span = TrainingSpans.Source.StartActivity("epoch");
            span?.SetTag("epoch", state.Epoch);
            var began = Stopwatch.GetTimestamp();
            var waited = input.Waited;
            var leaves = false;
            if (state.StepOfEpoch == 0)
            {
                state.BeginEpoch();
            }

            while (state.StepOfEpoch < run.Plan.Steps)
            {
                // Before the next step, not after the last one: whoever goes on from here in another generation measures it again if it was cut off.
                if (state.StepOfEpoch > 0 && run.Spec.Training.Evaluate.HasStep(state.Step))
                {
                    session.Observer.StepEvaluated(state.Step, state.Epoch, Evaluate());
                }

                if (Step(phase) is { } end)
                {
                    // With the last step the epoch's end is due: a checkpoint between the two would stand in the place of the one after it.
                    leaves = end is LoopEnd.Left;
                    if (!leaves || state.StepOfEpoch < run.Plan.Steps)
                    {
                        return Parted(end);
                    }
                }

                phase = TrainingPhase.Stepping;
            }

            span?.SetTag("data_wait_seconds", (input.Waited - waited).TotalSeconds);
            FinishEpoch(Stopwatch.GetElapsedTime(began), leaves);
            if (!IsOver && (state.Stopping || leaves))
            {
                return state.Stopping ? LoopEnd.Stopped : LoopEnd.Left;
            }
        }

        return LoopEnd.Done;
    }

    private bool IsOver => state.Epoch >= run.LastEpoch || state.Course.IsExhausted(run.Spec.Training);

    public void Dispose()
    {
        input.Dispose();
        engine.Dispose();
    }

    /// <summary>At the end of a step.</summary>
    private LoopEnd Parted(LoopEnd end)
    {
        if (end is LoopEnd.Left && state.DueCheckpoint != state.Step)
        {
            session.Save(collective.Rank, cancellationToken);
        }

        return end;
    }

    /// <returns>What all ranks are told to do after it: null to go on.</returns>
    private LoopEnd? Step(TrainingPhase phase)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var samples = run.Plan.Step(state.StepOfEpoch).Count;
        using var span = sampling.Begin(state.Step + 1, state.Epoch, state.StepOfEpoch);
        var first = phase == TrainingPhase.FirstStep;
        var outcome = engine.Run(
            state.Step + 1,
            samples,
            Math.Min(samples, run.Plan.Shards),
            input,
            state.Course.RateFactor,
            new StepSignals(session.Stop.IsRequested, start.Switch(), session.Stop.IsLeaveRequested),
            current => session.Alive(first ? TrainingPhase.FirstStep : current),
            session.Reached,
            span is not null);
        state.FinishStep(outcome.LossSum, outcome.GradientNorm, outcome.Stopping > 0);
        session.Throughput.Add(samples);
        session.ActivationBytes = engine.ActivationBytes > 0 ? engine.ActivationBytes : session.ActivationBytes;
        if (!first)
        {
            session.Pace.Add(outcome.Work, collective.Plan.Ranges[collective.Rank].Count);
        }

        session.Observer.StepMeasured(new StepResult(state.Step, state.Epoch, outcome.LossSum / samples, outcome.LearningRate, outcome.GradientNorm));
        session.ReportWritten(wait: false);
        if (run.Spec.Training.Checkpoint.Every.HasStep(state.Step) && state.StepOfEpoch < run.Plan.Steps)
        {
            session.Save(collective.Rank, cancellationToken);
        }

        // Who has no shards has no say: its order comes, and the others wait for it.
        var ranks = collective.Plan.Ranges.Count(range => range.Count > 0);
        return outcome.Switching == ranks ? LoopEnd.Switched : outcome.Leaving == ranks ? LoopEnd.Left : null;
    }

    /// <param name="leaves">All ranks end here.</param>
    private void FinishEpoch(TimeSpan elapsed, bool leaves)
    {
        run.Check(state.Ledger.Entry, state.Epoch);
        var epoch = state.Epoch + 1;
        var metrics = run.Spec.Training.Evaluate.HasEpoch(epoch) || epoch == run.Spec.Training.Epochs ? Evaluate() : new SortedDictionary<string, double>(StringComparer.Ordinal);
        metrics["train_loss"] = state.EpochLoss / run.Plan.Samples;
        var result = new EpochResult(epoch, state.Step, metrics, state.Ledger.Entry.Samples, elapsed.TotalSeconds, state.Ledger.Entry.Hash);
        state.FinishEpoch(result);
        state.Course = state.Course.After(metrics, run.Spec.Training);
        session.Reached(TrainingPoint.Epoch);
        session.Observer.EpochFinished(result);
        var better = best.Better(state.Best, metrics);
        state.Best = better ?? state.Best;
        if (state.Stopping || leaves || better is not null || IsOver || run.Spec.Training.Checkpoint.Every.IsDue(state.Epoch, state.Step))
        {
            session.Save(collective.Rank, cancellationToken);
        }
    }

    private SortedDictionary<string, double> Evaluate()
    {
        using var span = TrainingSpans.Source.StartActivity("evaluate");
        session.Alive(TrainingPhase.Evaluating);
        session.Reached(TrainingPoint.Evaluate);
        using var average = run.Optimizer.UseAverage();
        var metrics = evaluator.Run(
            run.Dataset.Split(SplitName.Validation), "val_", detailed: false, collective, () => session.Alive(TrainingPhase.Evaluating), cancellationToken);
        var bad = metrics.FirstOrDefault(metric => !double.IsFinite(metric.Value)).Key;
        return bad is null ? metrics : throw new DivergedException(state.Step, bad);
    }
}
