using Orchestrator.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training;

/// <summary>
/// What users implement: a model, its loss and its metrics. Derive, give it a public constructor that takes a <see cref="WorkloadContext"/>, build the model there (on the CPU; the
/// engine moves it). Everything runs on the training thread, one logical shard at a time, with torch's random generator seeded by (seed, step, shard).
/// </summary>
public abstract class Workload(WorkloadContext context) : IDisposable
{
    protected WorkloadContext Context { get; } = context;

    /// <summary>Always the same object. Its float32 parameters that require a gradient are trained; the engine makes them views of one flat tensor.</summary>
    public abstract nn.Module Model { get; }

    /// <summary>Which features of the dataset a batch holds, and how: all of them, normalised by the manifest's mean and deviation where they are not the target.</summary>
    public virtual IReadOnlyList<InputSpec> Inputs =>
        [.. Context.Dataset.Features.Select(feature => new InputSpec(
            feature.Key, feature.Key != Context.Dataset.Target && !feature.Value.Mean.IsEmpty ? InputEncoding.Normalised : InputEncoding.Raw))];

    /// <summary>Changes a batch on the device before it is used: what mixes samples, or draws noise, goes here. In evaluation too, where <c>Model.training</c> is false.</summary>
    public virtual Batch Prepare(Batch batch) => batch;

    /// <summary>The model's output for a batch; of any shape that <see cref="Loss"/> understands.</summary>
    public abstract Tensor Forward(Batch batch);

    /// <summary>The SUM of the samples' losses, a scalar: the engine divides by the samples of the whole step, over all shards.</summary>
    public abstract Tensor Loss(Tensor output, Batch batch);

    /// <summary>Adds a batch's part of the metrics, in evaluation. <c>loss</c> is added by the engine.</summary>
    public virtual void Measure(Tensor output, Batch batch, MetricSums sums)
    {
    }

    /// <summary>What <see cref="Score"/> wants to know of every row: [batch, columns] float32; null where sums are enough.</summary>
    public virtual Tensor? Rows(Tensor output, Batch batch) => null;

    /// <summary>Metrics that need all rows of a split, in the split's order.</summary>
    /// <param name="rows">[rows, <paramref name="columns"/>], row-major: what <see cref="Rows"/> gave.</param>
    public virtual void Score(ReadOnlySpan<float> rows, int columns, IDictionary<string, double> metrics)
    {
    }

    /// <summary>A classifier's probabilities: [batch, classes].</summary>
    public virtual Tensor Probabilities(Tensor output) => nn.functional.softmax(output, 1);

    public void Dispose()
    {
        Model.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>How a feature's stored values become a tensor.</summary>
public enum InputEncoding
{
    /// <summary>float32: (value - mean) / deviation, per channel, after the file's augmentations.</summary>
    Normalised,

    /// <summary>As stored: u8, i64 or float32.</summary>
    Raw,
}

/// <param name="Feature">Its name in the dataset's manifest.</param>
public sealed record InputSpec(string Feature, InputEncoding Encoding);
