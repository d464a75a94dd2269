using System.Runtime.InteropServices;
using Orchestrator.Data;
using Orchestrator.Data.Formats;
using Orchestrator.Training.Engine;
using Orchestrator.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Checkpoints;

/// <summary>
/// A copy of a model's and optimizer's state in the host's memory, taken between two steps; and the state's names in files. Weights, buffers and optimizer state have the parameters' names: files do not depend on the flat layout.
/// </summary>
internal sealed class StateSnapshot : IDisposable
{
    private readonly FlatModel model;
    private readonly FlatOptimizer optimizer;
    private readonly Tensor weights;
    private readonly Tensor statistics;
    private readonly Tensor counters;
    private readonly Dictionary<string, Tensor> states;
    private readonly Tensor[] frozen;

    public StateSnapshot(FlatModel model, FlatOptimizer optimizer)
    {
        this.model = model;
        this.optimizer = optimizer;
        weights = Like(model.Weights);
        statistics = Like(model.FlatStatistics);
        counters = Like(model.FlatCounters);
        states = optimizer.States.ToDictionary(state => state.Key, state => Like(state.Value), StringComparer.Ordinal);
        frozen = [.. model.Frozen.Select(slot => slot.Tensor.detach().cpu().contiguous().DetachFromDisposeScope())];
    }

    /// <summary>The tensors that decide the bits, as they are now, in one order everywhere.</summary>
    public static IEnumerable<Tensor> Live(FlatModel model, FlatOptimizer optimizer) =>
        [model.Weights, model.FlatStatistics, model.FlatCounters, .. optimizer.States.OrderBy(state => state.Key, StringComparer.Ordinal).Select(state => state.Value)];

    /// <summary>On the training thread: a memory copy.</summary>
    public void Take()
    {
        using var untracked = no_grad();
        weights.copy_(model.Weights);
        statistics.copy_(model.FlatStatistics);
        counters.copy_(model.FlatCounters);
        foreach (var (name, state) in states)
        {
            state.copy_(optimizer.States[name]);
        }
    }

    /// <summary>What <c>model.safetensors</c> holds.</summary>
    public IEnumerable<TensorEntry> Model() =>
        Entries<float>("", model.Parameters, weights)
            .Concat(Entries<float>("", model.Statistics, statistics))
            .Concat(Entries<long>("", model.Counters, counters))
            .Concat(model.Frozen.Zip(frozen).SelectMany(pair => Entries<float>("", [pair.First], pair.Second)));

    /// <summary>What <c>optimizer.safetensors</c> holds: <c>exp_avg.0.weight</c></summary>
    public IEnumerable<TensorEntry> Optimizer() => states.SelectMany(state => Entries<float>(state.Key + ".", model.Parameters, state.Value));

    /// <summary>Brings a checkpoint's state into a model and, unless null, an optimizer.</summary>
    /// <exception cref="CheckpointMismatchException">Its tensors are not the model's.</exception>
    public static void Load(string directory, FlatModel model, FlatOptimizer? optimizer)
    {
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        using var file = SafetensorsFile.Open(Path.Combine(directory, CheckpointFolder.ModelFile));
        using var stateFile = optimizer is null ? null : SafetensorsFile.Open(Path.Combine(directory, CheckpointFolder.OptimizerFile));
        var differences = TensorDifferences.Of(file, [
            .. TensorDifferences.Expected<float>("", [.. model.Parameters, .. model.Statistics, .. model.Frozen]), .. TensorDifferences.Expected<long>("", model.Counters)]);
        if (stateFile is not null && differences.Count == 0)
        {
            differences = TensorDifferences.Of(stateFile, [.. optimizer!.States.Keys.SelectMany(name => TensorDifferences.Expected<float>(name + ".", model.Parameters))]);
        }

        if (differences.Count > 0)
        {
            throw new CheckpointMismatchException(differences);
        }

        Read<float>(file, "", model.Parameters, model.Weights);
        Read<float>(file, "", model.Statistics, model.FlatStatistics);
        Read<long>(file, "", model.Counters, model.FlatCounters);
        foreach (var slot in model.Frozen)
        {
            Read<float>(file, "", [slot], slot.Tensor.flatten());
        }

        foreach (var (name, state) in optimizer?.States ?? new Dictionary<string, Tensor>())
        {
            Read<float>(stateFile!, name + ".", model.Parameters, state);
        }
    }

    /// <summary>Brings the weights' moving average into a model instead of the weights.</summary>
    /// <exception cref="CheckpointMismatchException">It is not there, or is another model's.</exception>
    public static void LoadAverage(string directory, FlatModel model)
    {
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        using var file = SafetensorsFile.Open(Path.Combine(directory, CheckpointFolder.OptimizerFile));
        var prefix = FlatOptimizer.Average + ".";
        string[] differences = [.. TensorDifferences.Of(file, [.. TensorDifferences.Expected<float>(prefix, model.Parameters)]).Where(difference => difference.StartsWith(prefix, StringComparison.Ordinal))];
        if (differences.Length > 0)
        {
            throw new CheckpointMismatchException(differences);
        }

        Read<float>(file, prefix, model.Parameters, model.Weights);
    }

    public void Dispose()
    {
        foreach (var tensor in states.Values.Concat(frozen).Append(weights).Append(statistics).Append(counters))
        {
            tensor.Dispose();
        }
    }

    private static Tensor Like(Tensor flat) => HostMemory.Allocate(flat.shape, flat.dtype, flat.device);

    private static IEnumerable<TensorEntry> Entries<T>(string prefix, IEnumerable<FlatSlot> slots, Tensor flat)
        where T : unmanaged =>
        slots.Select(slot => new TensorEntry(
            prefix + slot.Name,
            DTypes.Of<T>(),
            slot.Shape,
            offset =>
            {
                var bytes = MemoryMarshal.AsBytes(HostMemory.Span<T>(flat).Slice(slot.Offset, slot.Length))[(int)offset..];
                return bytes[..Math.Min(bytes.Length, 4 << 20)];
            }));

    private static void Read<T>(SafetensorsFile file, string prefix, IEnumerable<FlatSlot> slots, Tensor flat)
        where T : unmanaged
    {
        var host = flat.cpu();
        foreach (var slot in slots)
        {
            file.Span<T>(prefix + slot.Name).CopyTo(HostMemory.Span<T>(host)[slot.Offset..]);
        }

        flat.copy_(host);
    }
}
