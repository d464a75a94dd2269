using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Orchestrator.Collectives;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Engine;

/// <summary>Torch tensors in memory that a collective reaches without a copy. TorchSharp makes tensors of managed arrays only, so its library is called for one of plain memory.</summary>
internal static unsafe partial class BufferTensor
{
    private static readonly ConcurrentDictionary<nint, CollectiveBuffer> Held = new();

    /// <summary>float32, over the buffer's begin. Disposes of the buffer when the last tensor that shares its memory goes; outside of dispose scopes until then.</summary>
    public static Tensor Over(CollectiveBuffer buffer, params long[] shape)
    {
        Held.TryAdd(buffer.Address, buffer);
        fixed (long* dimensions = shape)
        {
            const sbyte Float32 = (sbyte)ScalarType.Float32;
            var handle = New(buffer.Address, &Free, dimensions, shape.Length, Float32, Float32, (int)DeviceType.CPU, -1, requiresGradient: false);
            return handle == 0 ? throw new InvalidOperationException("torch made no tensor of the collective's memory") : Tensor.UnsafeCreateTensor(handle).DetachFromDisposeScope();
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Free(nint address)
    {
        if (Held.TryRemove(address, out var buffer))
        {
            buffer.Dispose();
        }
    }

    [LibraryImport("LibTorchSharp", EntryPoint = "THSTensor_new")]
    private static partial nint New(
        nint data, delegate* unmanaged[Cdecl]<nint, void> deleter, long* shape, int dimensions, sbyte type, sbyte stored, int device, int deviceIndex, [MarshalAs(UnmanagedType.U1)] bool requiresGradient);
}
