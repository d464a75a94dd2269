using static TorchSharp.torch;

namespace Orchestrator.Training;

/// <summary>Samples as tensors on the device: [count, ...shape] each.</summary>
public sealed class Batch(IReadOnlyDictionary<string, Tensor> features, string target, int count)
{
    /// <summary>Samples in it; at least one.</summary>
    public int Count { get; } = count;

    /// <summary>The feature that is to be predicted: [count] int64 for classes.</summary>
    public Tensor Target => features[target];

    /// <summary>The first feature, by name, that is not the target.</summary>
    public Tensor Input { get; } = features.Where(feature => feature.Key != target).OrderBy(feature => feature.Key, StringComparer.Ordinal).First().Value;

    /// <summary>A feature by its name in the dataset.</summary>
    public Tensor this[string feature] => features[feature];

    /// <summary>The same batch with one feature changed, for <see cref="Workload.Prepare"/>.</summary>
    public Batch With(string feature, Tensor value) =>
        new(new Dictionary<string, Tensor>(features, StringComparer.Ordinal) { [feature] = value }, target, Count);
}
