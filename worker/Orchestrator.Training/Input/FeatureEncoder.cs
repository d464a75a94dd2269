using System.Runtime.InteropServices;
using Orchestrator.Data;
using Orchestrator.Data.Augmentation;
using Orchestrator.Specs;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Input;

/// <summary>Turns a feature's stored rows into the values that a batch holds. Elementwise arithmetic of float32: the same on every machine.</summary>
internal sealed class FeatureEncoder
{
    private readonly FeatureSpec stored;
    private readonly float[] mean;
    private readonly float[] deviation;
    private readonly IAugmentation[] augmentations;
    private readonly ImageShape image;

    /// <param name="augment">What is drawn for each sample; only images take any.</param>
    public FeatureEncoder(InputSpec spec, DatasetManifest manifest, IReadOnlyList<AugmentSpec> augment)
    {
        Name = spec.Feature;
        stored = manifest.Features.TryGetValue(spec.Feature, out var feature)
            ? feature
            : throw WorkloadContext.Mistake("unknown-feature", "dataset", $"the workload wants a feature '{spec.Feature}'", $"the dataset has {string.Join(", ", manifest.Features.Keys)}");
        Normalised = spec.Encoding == InputEncoding.Normalised;
        if (Normalised && stored.DType is not (DType.U8 or DType.F32))
        {
            throw WorkloadContext.Mistake("wrong-type", "dataset", $"the feature '{spec.Feature}' is {stored.DType.ManifestName()} and can't be normalised", "take it raw");
        }

        var channels = (int)stored.Channels;
        mean = [.. stored.Mean.IsEmpty ? new float[channels] : stored.Mean.Select(value => (float)value)];
        deviation = [.. stored.Std.IsEmpty ? Enumerable.Repeat(1f, channels) : stored.Std.Select(value => value > 0 ? (float)value : 1f)];
        augmentations = [];
        if (Normalised && stored.Shape.Length == 3)
        {
            image = new ImageShape((int)stored.Shape[0], (int)stored.Shape[1], (int)stored.Shape[2]);
            augmentations = [.. augment.Select(step => Augmentations.Create(step.Name, step.Amount))];
        }
    }

    public string Name { get; }

    /// <summary>float32 and normalised, instead of as stored.</summary>
    public bool Normalised { get; }

    public bool IsAugmented => augmentations.Length > 0;

    /// <summary>One sample's shape.</summary>
    public long[] Shape => [.. stored.Shape];

    public ScalarType ElementType => (Normalised, stored.DType) switch
    {
        (true, _) or (false, DType.F32) => ScalarType.Float32,
        (false, DType.U8) => ScalarType.Byte,
        (false, DType.I64) => ScalarType.Int64,
        (false, DType.F64) => ScalarType.Float64,
        _ => throw new ArgumentOutOfRangeException(nameof(stored)),
    };

    /// <summary>Bytes of one sample as stored.</summary>
    public int StoredBytes => checked((int)stored.RowBytes);

    /// <summary>Bytes of one sample in a batch.</summary>
    public int EncodedBytes => Normalised ? checked((int)stored.Elements * sizeof(float)) : StoredBytes;

    /// <summary>One sample.</summary>
    /// <param name="source">[StoredBytes]</param>
    /// <param name="destination">[EncodedBytes]</param>
    public void Encode(ReadOnlySpan<byte> source, Span<byte> destination, long seed, long epoch, long position)
    {
        if (!Normalised)
        {
            source.CopyTo(destination);
            return;
        }

        var values = MemoryMarshal.Cast<byte, float>(destination);
        if (stored.DType == DType.U8)
        {
            for (var index = 0; index < values.Length; index++)
            {
                values[index] = source[index];
            }
        }
        else
        {
            source.CopyTo(destination);
        }

        if (augmentations.Length > 0)
        {
            var random = Augmentations.StreamOf(seed, epoch, position);
            foreach (var augmentation in augmentations)
            {
                augmentation.Apply(values, image, ref random);
            }
        }

        Normalise(values);
    }

    /// <summary>One sample's values, [channels, ...], from stored units.</summary>
    public void Normalise(Span<float> values)
    {
        var each = values.Length / mean.Length;
        for (var channel = 0; channel < mean.Length; channel++)
        {
            var (centre, scale) = (mean[channel], deviation[channel]);
            foreach (ref var value in values.Slice(channel * each, each))
            {
                value = (value - centre) / scale;
            }
        }
    }
}
