using System.Collections.Immutable;
using System.Security.Cryptography;

namespace Orchestrator.Data;

/// <summary>The split that a chunk's rows belong to in the source.</summary>
public enum SourceSplit
{
    /// <summary>The source has no split.</summary>
    All,
    Train,
    Validation,
    Test,
}

/// <summary>One of a sample's tensors.</summary>
/// <param name="Shape">One sample's shape, without the batch: [1, 28, 28]; [] for a label.</param>
/// <param name="Mean">Per channel (the first dimension; one for a scalar) over the source's train rows, in the units of the stored
/// values; empty for class labels.</param>
/// <param name="Std">Standard deviation (of the population), likewise; 0 for a constant channel.</param>
public sealed record FeatureSpec(DType DType, ImmutableArray<long> Shape, ImmutableArray<double> Mean, ImmutableArray<double> Std)
{
    /// <summary>Elements of one sample.</summary>
    public long Elements => Shape.Aggregate(1L, (product, dimension) => checked(product * dimension));

    /// <summary>Bytes of one sample.</summary>
    public long RowBytes => checked(Elements * DType.Size());

    /// <summary>How many values <see cref="Mean"/> has where it has any.</summary>
    public long Channels => Shape.IsEmpty ? 1 : Shape[0];
}

/// <summary>A file of consecutive rows: <c>chunks/SHA256.safetensors</c>, one tensor [rows, ...shape] per feature.</summary>
public sealed record ChunkSpec(string Sha256, SourceSplit Split, long Rows, long Bytes);

/// <summary>
/// What a dataset is: its features, classes and chunks. The SHA-256 of its canonical bytes is the dataset's identity, so there is no name
/// and no time in it.
/// </summary>
public sealed record DatasetManifest
{
    /// <summary>By name, sorted.</summary>
    public required ImmutableSortedDictionary<string, FeatureSpec> Features { get; init; }

    /// <summary>The feature that is to be predicted: an I64 class index, or an F32 scalar for regression.</summary>
    public string Target { get; init; } = "label";

    /// <summary>The classes' names by index; empty for regression.</summary>
    public ImmutableArray<string> Classes { get; init; } = [];

    /// <summary>In row order.</summary>
    public required ImmutableArray<ChunkSpec> Chunks { get; init; }

    /// <summary>Rows of a split, before a validation part is taken out of them.</summary>
    public long SourceRows(SourceSplit split) => Chunks.Where(chunk => chunk.Split == split).Sum(chunk => chunk.Rows);

    /// <summary>Rows of a split as trials see it; the split seed does not change it.</summary>
    public long Rows(SplitName split) => SplitRule.Of(this).Rows(split);

    /// <summary>Bytes of all chunks.</summary>
    public long Bytes => Chunks.Sum(chunk => chunk.Bytes);

    /// <summary>Of the canonical bytes, lower-case hex: the dataset's identity.</summary>
    public string Sha256 => Convert.ToHexStringLower(SHA256.HashData(ToBytes()));

    /// <summary>Canonical JSON: equal manifests have equal bytes.</summary>
    public byte[] ToBytes() => ManifestJson.Write(this);

    /// <exception cref="DataFormatException">Not a manifest, or one that contradicts itself.</exception>
    public static DatasetManifest Parse(ReadOnlySpan<byte> json) => ManifestJson.Parse(json);
}
