using System.Numerics;
using System.Runtime.Intrinsics.X86;

namespace Orchestrator.Collectives;

/// <summary>
/// Writes that go past this core's caches. What another core reads next is best not left in them: to fetch a changed line from there is
/// several times slower than to read it from memory.
/// </summary>
internal static unsafe class StreamingMemory
{
    /// <param name="streaming">Whether past the caches.</param>
    public static void Copy(byte* from, byte* to, long bytes, bool streaming = true)
    {
        var done = 0L;
        if (streaming && bytes >= 4 * Vector<byte>.Count)
        {
            done = Unaligned(to);
            Buffer.MemoryCopy(from, to, done, done);
            for (; done <= bytes - Vector<byte>.Count; done += Vector<byte>.Count)
            {
                Vector.StoreAlignedNonTemporal(Vector.Load(from + done), to + done);
            }

            Fence();
        }

        Buffer.MemoryCopy(from + done, to + done, bytes - done, bytes - done);
    }

    /// <summary>Bytes up to where a vector may begin.</summary>
    public static int Unaligned(byte* address) => (int)(-(nint)address & (Vector<byte>.Count - 1));

    /// <summary>What was written before is seen before what is written after.</summary>
    public static void Fence()
    {
        if (Sse.IsSupported)
        {
            Sse.StoreFence();
        }
        else
        {
            Thread.MemoryBarrier();
        }
    }
}
