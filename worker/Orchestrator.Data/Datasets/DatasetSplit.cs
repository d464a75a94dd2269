using System.Runtime.InteropServices;
using Orchestrator.Data.Formats;

namespace Orchestrator.Data;

/// <summary>The rows of one split, in the source's order, read from mapped files. Safe for several threads at once.</summary>
public sealed class DatasetSplit
{
    private readonly DatasetManifest manifest;
    private readonly SafetensorsFile[] chunks;
    private readonly long[] begins;
    private readonly long[]? chosen;

    /// <param name="begins">The first row of each chunk, and the end of the last one.</param>
    /// <param name="chosen">Which of the chunks' rows belong to the split; null for all.</param>
    internal DatasetSplit(DatasetManifest manifest, SafetensorsFile[] chunks, long[] begins, long[]? chosen)
    {
        this.manifest = manifest;
        this.chunks = chunks;
        this.begins = begins;
        this.chosen = chosen;
        Rows = chosen?.Length ?? begins[^1];
    }

    public long Rows { get; }

    /// <summary>Copies rows of a feature, one behind the other: [rows, ...shape].</summary>
    /// <param name="rows">Each from 0 to before <see cref="Rows"/>, in any order.</param>
    /// <param name="destination">As many bytes as the rows have.</param>
    public void Gather(string feature, ReadOnlySpan<long> rows, Span<byte> destination)
    {
        var rowBytes = (int)Spec(feature).RowBytes;
        if ((long)rowBytes * rows.Length != destination.Length)
        {
            throw new ArgumentException(
                $"{rows.Length} rows of '{feature}' have {(long)rowBytes * rows.Length} bytes, not {destination.Length}.",
                nameof(destination));
        }

        for (var index = 0; index < rows.Length; index++)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(rows[index], nameof(rows));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rows[index], Rows, nameof(rows));
            var row = chosen is null ? rows[index] : chosen[rows[index]];
            var chunk = ChunkOf(row);
            chunks[chunk].Bytes(feature, (row - begins[chunk]) * rowBytes, rowBytes).CopyTo(destination[(index * rowBytes)..]);
        }
    }

    /// <inheritdoc cref="Gather(string, ReadOnlySpan{long}, Span{byte})"/>
    /// <exception cref="ArgumentException">The feature has another dtype.</exception>
    public void Gather<T>(string feature, ReadOnlySpan<long> rows, Span<T> destination)
        where T : unmanaged
    {
        var dtype = Spec(feature).DType;
        if (dtype != DTypes.Of<T>())
        {
            throw new ArgumentException($"Feature '{feature}' is {dtype}, not {DTypes.Of<T>()}.", nameof(feature));
        }

        Gather(feature, rows, MemoryMarshal.AsBytes(destination));
    }

    private FeatureSpec Spec(string feature) =>
        manifest.Features.TryGetValue(feature, out var spec)
            ? spec
            : throw new ArgumentException($"The dataset has no feature '{feature}'.", nameof(feature));

    private int ChunkOf(long row)
    {
        // Chunks are of equal size but for the last ones of a source's split: the first guess is mostly right.
        var guess = (int)Math.Min(row / begins[1], chunks.Length - 1);
        if (begins[guess] <= row && row < begins[guess + 1])
        {
            return guess;
        }

        var found = Array.BinarySearch(begins, row);
        return found >= 0 ? found : ~found - 1;
    }
}
