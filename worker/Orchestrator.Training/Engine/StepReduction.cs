using Orchestrator.Collectives;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Engine;

/// <summary>
/// Brings the partial rows of all ranks together. Where the device is not the CPU, the rows and their sum pass through pinned memory of the host.
/// </summary>
internal sealed class StepReduction : IDisposable
{
    /// <summary>Elements of one call: what a span of several rows can hold.</summary>
    private const int Bucket = 1 << 26;

    private readonly PartialRows rows;
    private readonly ICollective collective;
    private readonly Tensor? staged;
    private readonly Tensor hostTotal;
    private readonly bool alone;
    private readonly Tensor? deviceTotal;

    public StepReduction(PartialRows rows, ICollective collective, Device device)
    {
        this.rows = rows;
        this.collective = collective;

        // A single rank's one row is the sum already.
        alone = collective.WorldSize == 1 && device.type == DeviceType.CPU;
        hostTotal = alone ? rows.All[0].DetachFromDisposeScope() : HostMemory.Allocate([rows.Stride], ScalarType.Float32, device);
        if (device.type != DeviceType.CPU)
        {
            staged = HostMemory.Allocate([rows.Nodes, rows.Stride], ScalarType.Float32, device);
            deviceTotal = zeros(rows.Stride, device: device).DetachFromDisposeScope();
        }
    }

    /// <summary>[stride]: the sum over all shards, in the host's memory.</summary>
    public Span<float> HostTotal => HostMemory.Span<float>(hostTotal);

    public void Reduce()
    {
        if (alone)
        {
            return;
        }

        using var scope = NewDisposeScope();
        staged?.copy_(rows.All.narrow(0, 0, rows.Nodes));
        ReadOnlySpan<float> partials = HostMemory.Span<float>(staged ?? rows.All);
        var total = HostTotal;
        for (var first = 0; first < rows.Stride; first += Bucket)
        {
            var length = Math.Min(Bucket, rows.Stride - first);
            var mine = rows.Nodes == 0 ? [] : partials.Slice(first, ((rows.Nodes - 1) * rows.Stride) + length);
            collective.AllReduce(mine, rows.Stride, total.Slice(first, length));
        }
    }

    /// <summary>[stride]: the sum on the device, once <see cref="ToDevice"/> has brought it there. Always the same tensor.</summary>
    public Tensor Total => deviceTotal ?? hostTotal;

    public void ToDevice() => deviceTotal?.copy_(hostTotal);

    public void Dispose()
    {
        staged?.Dispose();
        hostTotal.Dispose();
        deviceTotal?.Dispose();
    }
}
