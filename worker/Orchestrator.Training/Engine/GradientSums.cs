using Orchestrator.Collectives;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Engine;

/// <summary>
/// A step's gradients on their way to the other ranks. Over a network they go bucket by bucket, each as soon as the backward of the rank's last shard has the whole of it: the rest of that backward
/// is computed while they travel. Within a host the ranks' cores would do nothing else with the time, and all go at once, afterwards. Neither changes a bit.
/// </summary>
internal sealed class GradientSums : IDisposable
{
    private readonly PartialRows rows;
    private readonly StepReduction reduction;
    private readonly GradientBuckets? buckets;
    private GradientHooks? hooks;
    private int begun;

    /// <param name="overlaps">Otherwise nothing goes before backward is over; the ranks need not agree on it.</param>
    /// <param name="leastBucket">Elements; the ranks must agree on it.</param>
    public GradientSums(FlatModel model, ICollective collective, bool overlaps, int leastBucket = GradientBuckets.LeastElements)
    {
        var inBuckets = collective.IsNetworked && model.Device.type == DeviceType.CPU;
        var plan = new RowPlan(collective.Plan.OwnedNodes(collective.Rank), keepsLeaf: inBuckets && overlaps);
        rows = new PartialRows(model, plan, inBuckets ? collective.Allocate : null);
        reduction = new StepReduction(rows, collective, model.Device);
        if (inBuckets)
        {
            buckets = new GradientBuckets(model.Parameters, rows.Gradient, rows.Stride, leastBucket);
            hooks = overlaps && buckets.All.Count > 1 ? GradientHooks.On(model.Parameters) : null;
        }
    }

    public PartialRows Rows => rows;

    /// <inheritdoc cref="StepReduction.HostTotal"/>
    public Span<float> HostTotal => reduction.HostTotal;

    /// <inheritdoc cref="StepReduction.Total"/>
    public Tensor Total => reduction.Total;

    /// <summary>A parameter got more of its gradient after its bucket had been begun: what is summed is not what it must be, on any rank, and <see cref="Repeat"/> is due on all.</summary>
    public bool IsTorn { get; private set; }

    public void Restart()
    {
        begun = 0;
        IsTorn = false;
        buckets?.Restart();
    }

    /// <summary>The backward of the rank's last shard.</summary>
    public void LastBackward(Tensor loss, Action<TrainingPoint> reached)
    {
        if (hooks is null)
        {
            loss.backward();
            return;
        }

        hooks.During(() => loss.backward(), parameter =>
        {
            IsTorn |= buckets!.BucketOf(parameter) < begun;
            buckets.Settle(parameter);
            while (begun < buckets.All.Count - 1 && buckets.IsWhole(begun))
            {
                Begin(reached);
            }
        });
    }

    /// <summary>Sends what is left and waits for all sums.</summary>
    /// <exception cref="CollectiveException">A peer is gone.</exception>
    public void Finish(Action<TrainingPoint> reached)
    {
        if (buckets is null)
        {
            rows.Fold(Whole);
            reached(TrainingPoint.Gradients);
            reduction.Reduce();
            return;
        }

        while (begun < buckets.All.Count)
        {
            Begin(reached);
        }

        reduction.Complete();
    }

    /// <summary>Sums all buckets anew, from rows that change no more. A rank whose sums were torn begins none during backward from now on.</summary>
    /// <exception cref="CollectiveException">A peer is gone.</exception>
    public void Repeat()
    {
        if (IsTorn)
        {
            hooks?.Dispose();
            hooks = null;
            rows.Fold(Whole);
        }

        foreach (var bucket in buckets!.All)
        {
            reduction.Begin(bucket);
        }

        reduction.Complete();
    }

    public void ToDevice() => reduction.ToDevice();

    public void Dispose()
    {
        hooks?.Dispose();
        reduction.Dispose();
        rows.Dispose();
    }

    private Columns Whole => new(0, rows.Stride);

    private void Begin(Action<TrainingPoint> reached)
    {
        reached(begun == 0 ? TrainingPoint.Gradients : TrainingPoint.Bucket);
        var bucket = buckets!.All[begun];
        rows.Fold(bucket);
        reduction.Begin(bucket);
        begun++;
    }
}
