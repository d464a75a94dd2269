using System.Runtime.InteropServices;

namespace Orchestrator.Data.Formats;

/// <summary>A tensor's bytes from <paramref name="offset"/> on: as many as are at hand, at least one; row-major, little-endian.</summary>
public delegate ReadOnlySpan<byte> TensorBytes(long offset);

/// <summary>A named tensor that is to be written. <c>new TensorEntry("w", DType.F32, [64, 10], offset =>
/// tensor.bytes[(int)offset..])</c></summary>
/// <param name="Shape">[] for a scalar.</param>
/// <param name="Bytes">Called while the file is written; its spans are not kept.</param>
public sealed record TensorEntry(string Name, DType DType, IReadOnlyList<long> Shape, TensorBytes Bytes)
{
    public static TensorEntry Of<T>(string name, IReadOnlyList<long> shape, ReadOnlyMemory<T> values)
        where T : unmanaged =>
        new(name, DTypes.Of<T>(), shape, offset => MemoryMarshal.AsBytes(values.Span)[(int)offset..]);

    /// <summary>The tensor's length in bytes, from its shape.</summary>
    public long ByteLength
    {
        get
        {
            long length = DType.Size();
            foreach (var dimension in Shape)
            {
                ArgumentOutOfRangeException.ThrowIfNegative(dimension);
                length = checked(length * dimension);
            }

            return length;
        }
    }
}
