namespace Orchestrator.Collectives.SharedMemory;

/// <summary>
/// A total each page of which lies in the segment of the member that adds it; the others have it mapped for reading, all of it in one
/// piece. A slower peer may still read the last sum when its owner has done with the buffer, so the pages go with the segment, not before.
/// </summary>
internal sealed unsafe class SharedTotal : CollectiveBuffer
{
    private readonly Segment segment;
    private readonly Action<SharedTotal> forget;
    private readonly int members;
    private readonly int pages;

    private SharedTotal(byte* start, long bytes, Segment segment, Action<SharedTotal> forget, int members)
        : base((nint)start, bytes)
    {
        this.segment = segment;
        this.forget = forget;
        this.members = members;
        pages = PagesOf(bytes);
    }

    /// <summary>The bytes of a member's part.</summary>
    public static long BytesOf(int member, int members, long bytes) => (long)Share(PagesOf(bytes), member, members).Count * Segment.Page;

    /// <param name="parts">By member: where its pages are, in this process.</param>
    /// <param name="segment">This rank's, held for the buffer.</param>
    /// <param name="forget">Called when there is no such total any more.</param>
    /// <exception cref="IOException">The machine does not allow it.</exception>
    public static SharedTotal Over(nint[] parts, long bytes, Segment segment, Action<SharedTotal> forget)
    {
        var count = PagesOf(bytes);
        var start = Native.Reserve((long)count * Segment.Page);
        try
        {
            for (var member = 0; member < parts.Length; member++)
            {
                var (first, owned) = Share(count, member, parts.Length);
                if (owned > 0)
                {
                    Native.MapAgain((byte*)parts[member], (long)owned * Segment.Page, start + ((long)first * Segment.Page));
                }
            }

            return new SharedTotal(start, bytes, segment, forget, parts.Length);
        }
        catch
        {
            Native.Unmap(start, (long)count * Segment.Page);
            throw;
        }
    }

    public bool Holds(nint address) => address >= Address && address < Address + Length;

    /// <summary>Which of <paramref name="count"/> elements from <paramref name="address"/> on a member adds.</summary>
    public (int First, int Count) PartOf(int member, nint address, int count, int size)
    {
        var (page, owned) = Share(pages, member, members);
        var offset = address - Address;
        var first = Math.Clamp((((long)page * Segment.Page) - offset) / size, 0, count);
        var end = Math.Clamp((((long)(page + owned) * Segment.Page) - offset) / size, 0, count);
        return ((int)first, (int)(end - first));
    }

    private protected override void Free()
    {
        forget(this);
        Native.Unmap((byte*)Address, (long)pages * Segment.Page);
        segment.Release();
    }

    private static int PagesOf(long bytes) => checked((int)(Segment.Pages(bytes) / Segment.Page));

    /// <summary>As evenly as whole pages go.</summary>
    private static (int First, int Count) Share(int pages, int member, int members)
    {
        var first = (int)((long)pages * member / members);
        return (first, (int)((long)pages * (member + 1) / members) - first);
    }
}
