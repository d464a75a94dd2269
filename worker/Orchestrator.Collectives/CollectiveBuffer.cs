using System.Numerics;
using System.Runtime.InteropServices;

namespace Orchestrator.Collectives;

/// <summary>
/// Memory from <see cref="ICollective.Allocate"/>: it does not move, begins at a page or a cache line, and lives until it is disposed of,
/// whatever becomes of the collective. Sums that are under way keep it alive. On a device, later, the address is the device's.
/// </summary>
public abstract unsafe class CollectiveBuffer : IDisposable
{
    private int holders = 1;
    private int disposed;

    private protected CollectiveBuffer(nint address, long length)
    {
        Address = address;
        Length = length;
    }

    ~CollectiveBuffer() => Dispose();

    public nint Address { get; }

    /// <summary>Bytes.</summary>
    public long Length { get; }

    /// <summary>Elements of it; the span may not outlive the buffer.</summary>
    /// <param name="first">In elements.</param>
    public Span<T> Span<T>(long first, int count)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((first + count) * sizeof(T), Length);
        return new Span<T>((T*)Address + first, count);
    }

    /// <summary>A place in it.</summary>
    /// <param name="bytes">From its begin.</param>
    public BufferSlice At(long bytes) => new(this, bytes);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) == 0)
        {
            Release();
            GC.SuppressFinalize(this);
        }
    }

    internal void Hold() => Interlocked.Increment(ref holders);

    internal void Release()
    {
        if (Interlocked.Decrement(ref holders) == 0)
        {
            Free();
        }
    }

    private protected abstract void Free();
}

/// <summary>A place in a buffer, <paramref name="Offset"/> bytes from its begin.</summary>
public readonly record struct BufferSlice(CollectiveBuffer Buffer, long Offset)
{
    internal nint Address => Buffer.Address + (nint)Offset;

    internal void Check<T>(long elements)
        where T : unmanaged, INumber<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegative(Offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Offset + (elements * Marshal.SizeOf<T>()), Buffer.Length);
    }
}

/// <summary>Of this process alone.</summary>
internal sealed unsafe class PrivateBuffer : CollectiveBuffer
{
    private const int Alignment = 4096;

    private PrivateBuffer(nint address, long length)
        : base(address, length) => GC.AddMemoryPressure(length);

    public static PrivateBuffer Of(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        var address = NativeMemory.AlignedAlloc((nuint)bytes, Alignment);
        NativeMemory.Clear(address, (nuint)bytes);
        return new PrivateBuffer((nint)address, bytes);
    }

    private protected override void Free()
    {
        NativeMemory.AlignedFree((void*)Address);
        GC.RemoveMemoryPressure(Length);
    }
}
