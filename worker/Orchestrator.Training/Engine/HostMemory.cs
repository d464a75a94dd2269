using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Engine;

/// <summary>Torch's CPU storage as spans, without a copy. A span may not outlive its tensor.</summary>
internal static class HostMemory
{
    /// <summary>Elements of padding unit: 64 bytes of float32, so that every view has the alignment that its vector kernels would choose.</summary>
    public const int Alignment = 16;

    public static int Align(long elements) => checked((int)((elements + Alignment - 1) / Alignment * Alignment));

    /// <summary>A contiguous CPU tensor's elements; up to 2^31 - 1 of them, where <c>Tensor.bytes</c> ends at 2^31 bytes.</summary>
    public static Span<T> Span<T>(Tensor tensor)
        where T : unmanaged
    {
        if (tensor.NumberOfElements == 0)
        {
            return [];
        }

        using var flat = tensor.flatten();
        using var first = flat.narrow(0, 0, 1);
        return MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(MemoryMarshal.Cast<byte, T>(first.bytes)), checked((int)tensor.NumberOfElements));
    }

    /// <summary>Where a contiguous CPU tensor's elements begin.</summary>
    public static unsafe nint Address(Tensor tensor)
    {
        using var flat = tensor.flatten();
        using var first = flat.narrow(0, 0, 1);
        return (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
    }

    /// <summary>Zeroed memory of the host that the device can copy from and to; it lives until it is disposed of, whatever the scope.</summary>
    public static Tensor Allocate(long[] shape, ScalarType dtype, Device device)
    {
        using var plain = zeros(shape, dtype: dtype);
        return (device.type == DeviceType.CUDA ? plain.pin_memory() : plain.alias()).DetachFromDisposeScope();
    }
}
