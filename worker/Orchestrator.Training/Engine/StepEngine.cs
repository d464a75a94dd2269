using System.Diagnostics;
using System.Globalization;
using Orchestrator.Collectives;
using Orchestrator.Data.Sampling;
using Orchestrator.Specs;
using Orchestrator.Training.Input;
using Orchestrator.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Engine;

/// <summary>
/// One training step: the rank's shards one after the other, their sums along the canonical tree, the all-reduce, the checks, and only then the update. Up to the update nothing of the state has changed.
/// </summary>
internal sealed class StepEngine : IDisposable
{
    private readonly Workload workload;
    private readonly FlatModel model;
    private readonly FlatOptimizer optimizer;
    private readonly RunSpec spec;
    private readonly ICollective collective;
    private readonly ActivationMemory activations;
    private readonly GradientSums sums;
    private readonly PartialRows rows;
    private readonly Tensor gradient;
    private readonly StepTotals totals;
    private readonly Tensor startStatistics;
    private readonly Tensor startCounters;
    private readonly SampleLedger ledger;
    private readonly RunLength length;

    /// <param name="run">For the schedule.</param>
    /// <param name="overlaps">As <see cref="TrainingTask.Overlap"/>.</param>
    public StepEngine(Workload workload, FlatModel model, FlatOptimizer optimizer, RunSpec spec, ICollective collective, SampleLedger ledger, RunLength run, bool overlaps)
    {
        this.workload = workload;
        this.model = model;
        this.optimizer = optimizer;
        this.spec = spec;
        this.collective = collective;
        this.ledger = ledger;
        length = run;
        activations = new ActivationMemory(model.Device.type);
        sums = new GradientSums(model, collective, overlaps);
        rows = sums.Rows;
        gradient = sums.Total.narrow(0, rows.Gradient, rows.Stride - rows.Gradient).DetachFromDisposeScope();
        totals = new StepTotals(rows.Plan, (int)model.FlatCounters.NumberOfElements);
        startStatistics = model.FlatStatistics.clone().DetachFromDisposeScope();
        startCounters = HostMemory.Allocate(model.FlatCounters.shape, ScalarType.Int64, CPU);
    }

    /// <summary>What a shard's forward pass keeps for its backward pass, in bytes; 0 while it is not known.</summary>
    public long ActivationBytes => activations.Bytes;

    /// <summary>Runs and applies a step.</summary>
    /// <param name="step">From 1, over the run.</param>
    /// <param name="samples">Of the global step.</param>
    /// <param name="nonEmptyShards">Of the global step.</param>
    /// <param name="input">Gives the rank's shards in order.</param>
    /// <param name="rateFactor">Of the learning rate, besides the schedule's by step.</param>
    /// <param name="signals">What this rank has to tell the others.</param>
    /// <param name="alive">Called several times, from this thread.</param>
    /// <param name="reached">Called at every point of the step, from this thread.</param>
    /// <exception cref="DivergedException">Nothing was applied.</exception>
    /// <exception cref="CollectiveException">Nothing was applied; the state is that of the step before.</exception>
    public StepOutcome Run(long step, int samples, int nonEmptyShards, BatchLoader input, double rateFactor, StepSignals signals, Action<TrainingPhase> alive, Action<TrainingPoint> reached, bool traced)
    {
        // Whatever a step makes ends with it, a wrapper that an in-place operation returns too: nothing waits for the collector.
        using var scope = NewDisposeScope();
        var began = Stopwatch.GetTimestamp();
        model.Module.train();
        if (rows.Gradient > 0)
        {
            startStatistics.copy_(model.FlatStatistics);
        }

        ReadCounters(startCounters);
        sums.Restart();
        var nodes = collective.Plan.OwnedNodes(collective.Rank);
        var context = new ShardContext(step, samples, input, alive, reached, traced);
        for (var index = 0; index < nodes.Count - 1; index++)
        {
            Accumulate(nodes[index], index, context);
        }

        if (nodes.Count > 0)
        {
            AccumulateLast(nodes[^1], context);
        }

        RestoreBuffers();
        totals.Fold();
        totals.Signal(signals, sums.IsTorn);
        var work = Stopwatch.GetElapsedTime(began);
        alive(TrainingPhase.Reducing);
        var (norm, loss) = Reduce(step, reached, traced);
        alive(TrainingPhase.Stepping);
        reached(TrainingPoint.Update);
        var rate = spec.Training.Optimizer.LearningRate * rateFactor * Schedule.Factor(spec.Training.Schedule, step - 1, length);
        using (Span("optimizer", traced))
        {
            Apply(norm, rate, step, nonEmptyShards);
            ledger.Add(totals.TotalSamples, totals.TotalHash);
        }

        reached(TrainingPoint.Applied);
        return new StepOutcome(loss, rate, norm, totals.Stopping, totals.Switching, totals.Leaving) { Work = work };
    }

    public void Dispose()
    {
        gradient.Dispose();
        sums.Dispose();
        startStatistics.Dispose();
        startCounters.Dispose();
    }

    private void Accumulate(TreeNode node, int row, ShardContext context)
    {
        if (node.End - node.First <= 2)
        {
            // Of two siblings the second is added in place: the same sum, without a row of its own.
            rows.Clear(row);
            totals.Clear(row);
            for (var shard = node.First; shard < node.End; shard++)
            {
                RunShard(shard, row, context);
            }

            return;
        }

        var split = ReductionTree.Split(node);
        Accumulate(new TreeNode(node.First, split), row, context);
        Accumulate(new TreeNode(split, node.End), row + 1, context);
        rows.Merge(row);
        totals.Merge(row);
    }

    /// <summary>The last subtree, which <see cref="GradientSums"/> finishes.</summary>
    private void AccumulateLast(TreeNode node, ShardContext context)
    {
        for (var depth = 0; depth < rows.Plan.Lefts; depth++)
        {
            var split = ReductionTree.Split(node);
            Accumulate(new TreeNode(node.First, split), rows.Plan.Left(depth), context);
            node = new TreeNode(split, node.End);
        }

        Accumulate(node, rows.Plan.Leaf, context);
    }

    private void RunShard(int shard, int row, ShardContext context)
    {
        context.Alive(TrainingPhase.Stepping);
        context.Reached(TrainingPoint.Data);
        using var scope = NewDisposeScope();
        LoadedBatch loaded;
        using (Span("data-wait", context.Traced))
        {
            loaded = context.Input.Next();
        }

        using (loaded)
        {
            if (loaded.Batch is not { } batch)
            {
                return;
            }

            totals.Use(row, loaded.Rows);
            DeterministicDevice.Seed(new CounterRandom(spec.Seed, RandomStream.Shard, context.Step, shard).NextUInt64(), model.Device);
            RestoreBuffers();
            rows.Bind(row);
            context.Reached(TrainingPoint.Forward);
            Tensor loss;
            var held = activations.Begin();
            using (Span("forward", context.Traced))
            {
                batch = workload.Prepare(batch);
                loss = workload.Loss(workload.Forward(batch), batch);
            }

            activations.End(held);
            Require(loss);
            context.Reached(TrainingPoint.Backward);

            // The mean over the global step's samples: scaled before backward, by a number that no split changes.
            using (Span("backward", context.Traced))
            {
                var scaled = loss.mul(1f / context.Samples);
                if (shard == collective.Plan.Ranges[collective.Rank].End - 1)
                {
                    sums.LastBackward(scaled, context.Reached);
                }
                else
                {
                    scaled.backward();
                }
            }

            totals.Loss(row) += loss.ToDouble();
            AddBufferChanges(row);
        }
    }

    private void AddBufferChanges(int row)
    {
        using var untracked = no_grad();
        if (rows.Gradient > 0)
        {
            rows.Statistics(row).add_(model.FlatStatistics - startStatistics);
        }

        var changes = totals.CounterChanges(row);
        if (changes.Length > 0)
        {
            using var now = model.FlatCounters.cpu();
            var values = HostMemory.Span<long>(now);
            var start = HostMemory.Span<long>(startCounters);
            for (var index = 0; index < changes.Length; index++)
            {
                changes[index] += values[index] - start[index];
            }
        }
    }

    private void RestoreBuffers()
    {
        using var untracked = no_grad();
        if (rows.Gradient > 0)
        {
            model.FlatStatistics.copy_(startStatistics);
        }

        if (startCounters.NumberOfElements > 0)
        {
            model.FlatCounters.copy_(startCounters);
        }
    }

    private void ReadCounters(Tensor into)
    {
        if (into.NumberOfElements > 0)
        {
            into.copy_(model.FlatCounters);
        }
    }

    private (double Norm, double Loss) Reduce(long step, Action<TrainingPoint> reached, bool traced)
    {
        using (Span("all-reduce", traced))
        {
            sums.Finish(reached);
            reached(TrainingPoint.Totals);
            totals.Reduce(collective);
            if (totals.Torn > 0)
            {
                sums.Repeat();
            }
        }

        if (!double.IsFinite(totals.TotalLoss))
        {
            throw new DivergedException(step, "loss");
        }

        var elements = sums.HostTotal[rows.Gradient..];
        var squares = GradientNorm.SumOfSquares(elements);
        if (!double.IsFinite(squares))
        {
            throw new DivergedException(step, NameOfNotFinite(elements));
        }

        return (Math.Sqrt(squares), totals.TotalLoss);
    }

    private string NameOfNotFinite(ReadOnlySpan<float> gradient)
    {
        for (var index = 0; index < gradient.Length; index++)
        {
            if (!float.IsFinite(gradient[index]))
            {
                return model.NameAt(index);
            }
        }

        throw new UnreachableException();
    }

    private void Apply(double norm, double rate, long step, int nonEmptyShards)
    {
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        sums.ToDevice();
        var clip = spec.Training.Clip;
        var scale = clip?.Norm is { } greatest && norm > greatest ? greatest / norm : 1;
        optimizer.Update(gradient, new UpdateStep(rate, step, scale, clip?.Value ?? double.PositiveInfinity));
        if (rows.Gradient > 0)
        {
            model.FlatStatistics.add_(sums.Total.narrow(0, 0, rows.Gradient).div((float)nonEmptyShards));
        }

        if (startCounters.NumberOfElements > 0)
        {
            var start = HostMemory.Span<long>(startCounters);
            for (var index = 0; index < start.Length; index++)
            {
                start[index] += (long)totals.TotalCounterChanges[index] / nonEmptyShards;
            }

            model.FlatCounters.copy_(startCounters);
        }
    }

    private static void Require(Tensor loss)
    {
        if (loss.NumberOfElements != 1)
        {
            throw new InvalidOperationException(
                string.Create(CultureInfo.InvariantCulture, $"Loss gave a tensor of shape [{string.Join(", ", loss.shape)}]; it must be a scalar: the sum of the samples' losses."));
        }
    }

    private static Activity? Span(string name, bool traced) => traced ? TrainingSpans.Source.StartActivity(name) : null;

    private readonly record struct ShardContext(long Step, int Samples, BatchLoader Input, Action<TrainingPhase> Alive, Action<TrainingPoint> Reached, bool Traced);
}

/// <param name="LossSum">Over the global step's samples.</param>
/// <param name="GradientNorm">Before clipping.</param>
/// <param name="Stopping">Ranks that were asked to stop.</param>
/// <param name="Switching">Ranks that hold the order for the next generation.</param>
/// <param name="Leaving">Ranks that were asked to leave.</param>
internal readonly record struct StepOutcome(double LossSum, double LearningRate, double GradientNorm, int Stopping, int Switching, int Leaving)
{
    /// <summary>Of this rank alone, up to where it waits for the others.</summary>
    public TimeSpan Work { get; init; }
}
