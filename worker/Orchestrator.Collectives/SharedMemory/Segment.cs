using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Orchestrator.Collectives.SharedMemory;

/// <summary>
/// A rank's memory that the peers on its host read: header, room for what must be staged, buffers. It has no name; the kernel frees it
/// with the last process. As long as all of the machine's memory, of which only what was touched exists.
/// </summary>
internal sealed unsafe class Segment
{
    /// <summary>Bytes: the least that can be mapped somewhere else.</summary>
    public static readonly int Page = Environment.SystemPageSize;

    private const long PrivateLength = 64 << 20;

    private readonly Lock gate = new();
    private readonly Dictionary<long, Stack<long>> free = [];
    private readonly long length;
    private long end;
    private int holders = 1;

    private Segment(int file, byte* start, long length)
    {
        File = file;
        Start = start;
        this.length = length;
        end = Pages(SegmentHeader.Size);
        Header = new SegmentHeader(start);
        RandomNumberGenerator.Fill(Header.Nonce);
    }

    public int File { get; }

    public long Length => length;

    public byte* Start { get; }

    public SegmentHeader Header { get; }

    /// <exception cref="IOException">The machine does not allow it.</exception>
    public static Segment Create()
    {
        var greatest = Math.Max(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, 1L << 30) / Page * Page;
        var file = Native.CreateMemory("orchestrator", greatest);
        try
        {
            return new Segment(file, Native.Map(file, greatest, writable: true), greatest);
        }
        catch
        {
            Native.Close(file);
            throw;
        }
    }

    /// <summary>For a rank that shares memory with nobody, among others that do.</summary>
    public static Segment Private() => new(-1, Native.MapPrivately(PrivateLength), PrivateLength);

    /// <summary>Zeroed room of whole pages.</summary>
    public long Take(long bytes)
    {
        lock (gate)
        {
            return Find(Pages(bytes)) ?? throw new IOException("the segment is full");
        }
    }

    /// <summary>A buffer that keeps the segment; null where there is no room, or the segment is gone.</summary>
    public SegmentBuffer? Allocate(long bytes)
    {
        lock (gate)
        {
            if (holders == 0 || Find(Pages(bytes)) is not { } offset)
            {
                return null;
            }

            holders++;
            return new SegmentBuffer(this, offset, bytes);
        }
    }

    public void GiveBack(long offset, long bytes)
    {
        var pages = Pages(bytes);
        if (File >= 0)
        {
            Native.Drop(Start + offset, pages);
        }
        else
        {
            NativeMemory.Clear(Start + offset, (nuint)pages);
        }

        lock (gate)
        {
            if (!free.TryGetValue(pages, out var places))
            {
                free[pages] = places = new Stack<long>();
            }

            places.Push(offset);
        }
    }

    /// <summary>Room that stays until the segment goes, and the segment with it until it is released once more; -1 where there is none.</summary>
    public long TakeAndHold(long bytes)
    {
        lock (gate)
        {
            if (holders == 0 || Find(Pages(bytes)) is not { } offset)
            {
                return -1;
            }

            holders++;
            return offset;
        }
    }

    /// <summary>Where in the segment these bytes lie; -1 where they do not.</summary>
    public long OffsetOf(nint address, long bytes) =>
        address >= (nint)Start && address + bytes <= (nint)Start + length ? address - (nint)Start : -1;

    public void Release()
    {
        lock (gate)
        {
            if (--holders == 0)
            {
                Native.Unmap(Start, length);
                if (File >= 0)
                {
                    Native.Close(File);
                }
            }
        }
    }

    private long? Find(long pages)
    {
        if (free.TryGetValue(pages, out var places) && places.TryPop(out var place))
        {
            return place;
        }

        if (pages > length - end)
        {
            return null;
        }

        end += pages;
        return end - pages;
    }

    /// <summary>What they take, in bytes.</summary>
    public static long Pages(long bytes) => (bytes + Page - 1) / Page * Page;
}

/// <summary>Memory in a segment; it keeps the segment.</summary>
internal sealed unsafe class SegmentBuffer : CollectiveBuffer
{
    private readonly Segment segment;
    private readonly long offset;

    public SegmentBuffer(Segment segment, long offset, long bytes)
        : base((nint)(segment.Start + offset), bytes)
    {
        this.segment = segment;
        this.offset = offset;
    }

    private protected override void Free()
    {
        segment.GiveBack(offset, Length);
        segment.Release();
    }
}
