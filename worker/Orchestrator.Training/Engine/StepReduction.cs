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
    private const int GreatestSpan = 1 << 26;

    private readonly PartialRows rows;
    private readonly ICollective collective;
    private readonly CollectiveBuffer? buffer;
    private readonly Tensor? staged;
    private readonly Tensor hostTotal;
    private readonly bool alone;
    private readonly Tensor? deviceTotal;

    public StepReduction(PartialRows rows, ICollective collective, Device device)
    {
        this.rows = rows;
        this.collective = collective;

        // A single rank's one row is the sum already.
        var isOnHost = device.type == DeviceType.CPU;
        alone = isOnHost && collective is { WorldSize: 1, IsNetworked: false };
        buffer = isOnHost && !alone ? collective.AllocateTotal((long)rows.Stride * sizeof(float)) : null;
        hostTotal = buffer is not null ? BufferTensor.Over(buffer, rows.Stride)
            : alone ? rows.All[0].DetachFromDisposeScope()
            : HostMemory.Allocate([rows.Stride], ScalarType.Float32, device);
        if (!isOnHost)
        {
            staged = HostMemory.Allocate([rows.Plan.Nodes, rows.Stride], ScalarType.Float32, device);
            deviceTotal = zeros(rows.Stride, device: device).DetachFromDisposeScope();
        }
    }

    /// <summary>[stride]: the sum over all shards, in the host's memory.</summary>
    public Span<float> HostTotal => HostMemory.Span<float>(hostTotal);

    /// <summary>[stride]: the sum on the device, once <see cref="ToDevice"/> has brought it there. Always the same tensor.</summary>
    public Tensor Total => deviceTotal ?? hostTotal;

    /// <summary>Begins to sum columns of rows in the collective's memory, beside the caller.</summary>
    public void Begin(Columns columns) => collective.Begin<float>(
        rows.Buffer!.At((long)columns.First * sizeof(float)), rows.Stride, buffer!.At((long)columns.First * sizeof(float)), columns.Length);

    /// <summary>Waits for all that was begun.</summary>
    public void Complete() => collective.Complete();

    /// <summary>Sums whole rows.</summary>
    public void Reduce()
    {
        if (alone)
        {
            return;
        }

        using var scope = NewDisposeScope();
        staged?.copy_(rows.All.narrow(0, 0, rows.Plan.Nodes));
        ReadOnlySpan<float> partials = HostMemory.Span<float>(staged ?? rows.All);
        var total = HostTotal;
        for (var first = 0; first < rows.Stride; first += GreatestSpan)
        {
            var length = Math.Min(GreatestSpan, rows.Stride - first);
            var mine = rows.Plan.Nodes == 0 ? [] : partials.Slice(first, ((rows.Plan.Nodes - 1) * rows.Stride) + length);
            collective.AllReduce(mine, rows.Stride, total.Slice(first, length));
        }
    }

    public void ToDevice() => deviceTotal?.copy_(hostTotal);

    public void Dispose()
    {
        staged?.Dispose();
        hostTotal.Dispose();
        deviceTotal?.Dispose();
    }
}
