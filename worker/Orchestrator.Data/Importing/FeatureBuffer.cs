using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Orchestrator.Data.Importing;

/// <summary>A chunk's worth of one feature, and its statistics so far.</summary>
internal sealed class FeatureBuffer(string name, DType dtype, ImmutableArray<long> shape, bool statistics)
{
    private const long GreatestBytes = 1L << 30;

    private readonly ChannelStatistics? channels = statistics
        ? new ChannelStatistics(
            shape.IsEmpty ? 1 : (int)shape[0], (int)shape.Skip(1).Aggregate(1L, (product, dimension) => product * dimension))
        : null;

    private readonly int rowBytes = checked((int)new FeatureSpec(dtype, shape, [], []).RowBytes);
    private byte[] bytes = [];
    private int row;

    public string Name { get; } = name;

    public DType DType { get; } = dtype;

    public ImmutableArray<long> Shape { get; } = shape;

    /// <summary>The current row's bytes, to be filled.</summary>
    public Span<byte> Row => bytes.AsSpan(row * rowBytes, rowBytes);

    public Span<T> RowOf<T>()
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(Row);

    public ReadOnlySpan<byte> Rows(int rows) => bytes.AsSpan(0, rows * rowBytes);

    public void Reserve(int rows)
    {
        var length = (long)rows * rowBytes;
        bytes = length <= GreatestBytes
            ? new byte[length]
            : throw new DataFormatException(
                "too-large", $"a chunk of {rows} rows of '{Name}' would have {length} bytes", "split each sample into smaller ones");
    }

    public void EndRow(bool counts)
    {
        if (counts && channels is not null)
        {
            if (DType == DType.U8)
            {
                channels.Add(Row);
            }
            else
            {
                channels.Add(RowOf<float>());
            }
        }

        row++;
    }

    public void Rewind() => row = 0;

    public FeatureSpec Spec() =>
        channels is null ? new FeatureSpec(DType, Shape, [], []) : new FeatureSpec(DType, Shape, channels.Mean(), channels.Deviation());
}
