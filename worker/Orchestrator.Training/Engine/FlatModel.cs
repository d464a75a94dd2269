using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Engine;

/// <summary>A named tensor's place in a flat buffer; <paramref name="Offset"/> and <paramref name="Length"/> in elements.</summary>
internal sealed record FlatSlot(string Name, Tensor Tensor, long[] Shape, int Offset, int Length);

/// <summary>
/// A model whose trained parameters are views of one flat tensor, its float buffers of another and its integer buffers of a third: one update, one copy, one reduction for all.
/// </summary>
internal sealed class FlatModel : IDisposable
{
    public FlatModel(nn.Module model, Device device)
    {
        Module = model;
        Device = device;
        model.to(device);
        var seen = new HashSet<IntPtr>();
        var parameters = model.named_parameters().Where(parameter => seen.Add(parameter.parameter.Handle)).ToArray();
        foreach (var (name, parameter) in parameters)
        {
            Require(parameter.dtype == ScalarType.Float32, name, parameter.dtype);
        }

        Parameters = Lay(parameters.Where(parameter => parameter.parameter.requires_grad).Select(parameter => (parameter.name, (Tensor)parameter.parameter)));
        Frozen = [.. parameters.Where(parameter => !parameter.parameter.requires_grad)
            .Select(parameter => new FlatSlot(parameter.name, parameter.parameter, parameter.parameter.shape, 0, (int)parameter.parameter.NumberOfElements))];
        if (Parameters.Count == 0)
        {
            throw WorkloadContext.Mistake("no-parameters", "model", "the model has no parameter to train", "give it a layer with weights");
        }

        var buffers = model.named_buffers().Where(buffer => seen.Add(buffer.buffer.Handle)).ToArray();
        foreach (var (name, buffer) in buffers)
        {
            Require(buffer.dtype is ScalarType.Float32 or ScalarType.Int64, name, buffer.dtype);
        }

        Statistics = Lay(buffers.Where(buffer => buffer.buffer.dtype == ScalarType.Float32).Select(buffer => (buffer.name, buffer.buffer)));
        Counters = Lay(buffers.Where(buffer => buffer.buffer.dtype == ScalarType.Int64).Select(buffer => (buffer.name, buffer.buffer)));
        Weights = Flatten(Parameters, ScalarType.Float32, device);
        FlatStatistics = Flatten(Statistics, ScalarType.Float32, device);
        FlatCounters = Flatten(Counters, ScalarType.Int64, device);
    }

    public nn.Module Module { get; }

    public Device Device { get; }

    /// <summary>Trained parameters, in the model's order; the padding between them is zero and stays so.</summary>
    public IReadOnlyList<FlatSlot> Parameters { get; }

    /// <summary>Parameters that need no gradient: saved, never changed.</summary>
    public IReadOnlyList<FlatSlot> Frozen { get; }

    /// <summary>Float buffers: running means and variances.</summary>
    public IReadOnlyList<FlatSlot> Statistics { get; }

    /// <summary>int64 buffers: batches tracked.</summary>
    public IReadOnlyList<FlatSlot> Counters { get; }

    /// <summary>[elements] float32</summary>
    public Tensor Weights { get; }

    /// <summary>[elements] float32, perhaps empty</summary>
    public Tensor FlatStatistics { get; }

    /// <summary>[elements] int64, perhaps empty</summary>
    public Tensor FlatCounters { get; }

    /// <summary>Whether the model normalises over a batch, and so needs two samples in one.</summary>
    public bool HasBatchNorm => Module.named_modules().Any(module => module.module is TorchSharp.Modules.BatchNorm1d or TorchSharp.Modules.BatchNorm2d or TorchSharp.Modules.BatchNorm3d);

    /// <summary>Views of a flat tensor that is laid out as the parameters are; they live until they are disposed of.</summary>
    public Tensor[] ViewsOf(Tensor flat)
    {
        using var untracked = no_grad();
        return [.. Parameters.Select(slot => flat.narrow(0, slot.Offset, slot.Length).view(slot.Shape).DetachFromDisposeScope())];
    }

    /// <summary>The name of the parameter that has an element.</summary>
    public string NameAt(int element) => Parameters.Last(slot => slot.Offset <= element).Name;

    public void Dispose()
    {
        Weights.Dispose();
        FlatStatistics.Dispose();
        FlatCounters.Dispose();
    }

    private static List<FlatSlot> Lay(IEnumerable<(string Name, Tensor Tensor)> tensors)
    {
        var slots = new List<FlatSlot>();
        var end = 0;
        foreach (var (name, tensor) in tensors)
        {
            var length = checked((int)tensor.NumberOfElements);
            slots.Add(new FlatSlot(name, tensor, tensor.shape, end, length));
            end = HostMemory.Align((long)end + length);
        }

        return slots;
    }

    private static Tensor Flatten(IReadOnlyList<FlatSlot> slots, ScalarType dtype, Device device)
    {
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        var length = slots.Count == 0 ? 0 : HostMemory.Align((long)slots[^1].Offset + slots[^1].Length);
        var flat = zeros(length, dtype: dtype, device: device);
        foreach (var slot in slots)
        {
            var view = flat.narrow(0, slot.Offset, slot.Length).view(slot.Shape);
            view.copy_(slot.Tensor);
            slot.Tensor.set_(view);
        }

        return flat.DetachFromDisposeScope();
    }

    private static void Require(bool known, string name, ScalarType dtype)
    {
        if (!known)
        {
            throw WorkloadContext.Mistake("wrong-type", "model", $"the tensor {name} is {dtype}", "parameters are Float32, buffers Float32 or Int64");
        }
    }
}
