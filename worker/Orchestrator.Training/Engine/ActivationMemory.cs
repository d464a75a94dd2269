using System.Runtime.InteropServices;
using TorchSharp;

namespace Orchestrator.Training.Engine;

/// <summary>
/// What a shard's forward pass keeps for its backward pass: the bytes that the process holds more after it than before. The median of a generation's first shards, as whoever reads data
/// beside allocates too, and the first pass makes what stays. Known on the CPU alone, with a C library that counts (glibc).
/// </summary>
internal sealed partial class ActivationMemory(DeviceType device)
{
    private const int Measured = 5;

    private readonly List<long> measured = new(Measured);
    private bool counts = device == DeviceType.CPU && OperatingSystem.IsLinux();

    /// <summary>Of one shard; 0 while it is not known.</summary>
    public long Bytes { get; private set; }

    /// <summary>Before a forward pass.</summary>
    /// <returns>For <see cref="End"/>.</returns>
    public long Begin() => counts ? InUse() : 0;

    /// <summary>After it.</summary>
    public void End(long before)
    {
        if (!counts)
        {
            return;
        }

        measured.Add(Math.Max(0, InUse() - before));
        if (measured.Count == Measured)
        {
            Bytes = measured.Order().ElementAt(Measured / 2);
            counts = false;
        }
    }

    private long InUse()
    {
        try
        {
            var info = MallInfo();
            return checked((long)(info.InUse + info.Mapped));
        }
        catch (EntryPointNotFoundException)
        {
            counts = false;
            return 0;
        }
    }

    [LibraryImport("libc", EntryPoint = "mallinfo2")]
    private static partial Heap MallInfo();

    /// <summary>struct mallinfo2 of malloc.h</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Heap
    {
        private readonly nuint arena;
        private readonly nuint freeChunks;
        private readonly nuint fastChunks;
        private readonly nuint mappedRegions;
        public readonly nuint Mapped;
        private readonly nuint mostEver;
        private readonly nuint fastBytes;
        public readonly nuint InUse;
        private readonly nuint free;
        private readonly nuint releasable;
    }
}
