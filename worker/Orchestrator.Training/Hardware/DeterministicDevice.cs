using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training;

/// <summary>
/// Makes a GPU compute the same bits every time: cuDNN may choose only algorithms that add in one order, and an operation that has none on this device throws instead of giving other bits.
/// TorchSharp has no call for it, so libtorch's own switches are called by the names that its library exports.
/// </summary>
internal static partial class DeterministicDevice
{
    private const string Libtorch = "torch_cpu";

    /// <summary>Once a process, before the first operation on the device. Nothing to do for a CPU.</summary>
    public static void Require(string device)
    {
        if (!device.StartsWith("cuda", StringComparison.Ordinal))
        {
            return;
        }

        InitializeDeviceType(DeviceType.CUDA);
        var context = GlobalContext();
        SetDeterministicCudnn(context, true);
        SetBenchmarkCudnn(context, false);
        SetDeterministicAlgorithms(context, true, warnOnly: false);

        // It finds reads of memory that nothing wrote; for a price, and there are none.
        SetFillUninitializedMemory(context, false);
    }

    /// <summary>Begins torch's random streams anew, the device's too: TorchSharp's own call reaches the CPU's alone, and a GPU's begins with a random seed in every process.</summary>
    public static void Seed(ulong seed, Device device)
    {
        manual_seed((long)seed);
        if (device.type == DeviceType.CUDA)
        {
            cuda.manual_seed((long)seed);
        }
    }

    [LibraryImport(Libtorch, EntryPoint = "_ZN2at13globalContextEv")]
    private static partial nint GlobalContext();

    [LibraryImport(Libtorch, EntryPoint = "_ZN2at7Context21setDeterministicCuDNNEb")]
    private static partial void SetDeterministicCudnn(nint context, [MarshalAs(UnmanagedType.U1)] bool on);

    [LibraryImport(Libtorch, EntryPoint = "_ZN2at7Context17setBenchmarkCuDNNEb")]
    private static partial void SetBenchmarkCudnn(nint context, [MarshalAs(UnmanagedType.U1)] bool on);

    [LibraryImport(Libtorch, EntryPoint = "_ZN2at7Context26setDeterministicAlgorithmsEbb")]
    private static partial void SetDeterministicAlgorithms(nint context, [MarshalAs(UnmanagedType.U1)] bool on, [MarshalAs(UnmanagedType.U1)] bool warnOnly);

    [LibraryImport(Libtorch, EntryPoint = "_ZN2at7Context39setDeterministicFillUninitializedMemoryEb")]
    private static partial void SetFillUninitializedMemory(nint context, [MarshalAs(UnmanagedType.U1)] bool on);
}
