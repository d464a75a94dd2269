using System.Security.Cryptography;

namespace Orchestrator.Collectives.SharedMemory;

/// <summary>A peer's segment, mapped for reading: nothing that this process does can harm the peer's.</summary>
internal sealed unsafe class PeerSegment : IDisposable
{
    private readonly long length;
    private bool disposed;

    private PeerSegment(byte* start, long length)
    {
        Start = start;
        this.length = length;
        Header = new SegmentHeader(start);
    }

    public byte* Start { get; }

    public SegmentHeader Header { get; }

    /// <summary>Opens what the peer offers.</summary>
    /// <exception cref="IOException">It can't be opened from here, or it is something else: another host's process of the same
    /// number.</exception>
    public static PeerSegment Open(SegmentOffer offer)
    {
        var file = Native.OpenRead($"/proc/{offer.Process}/fd/{offer.File}");
        try
        {
            if (offer.Length < SegmentHeader.Size || LengthOf(file) != offer.Length)
            {
                throw new IOException("it is another file");
            }

            var segment = new PeerSegment(Native.Map(file, offer.Length, writable: false), offer.Length);
            if (!CryptographicOperations.FixedTimeEquals(segment.Header.Nonce, offer.Nonce))
            {
                segment.Dispose();
                throw new IOException("it is another memory");
            }

            return segment;
        }
        finally
        {
            Native.Close(file);
        }
    }

    public void Dispose()
    {
        if (!disposed)
        {
            disposed = true;
            Native.Unmap(Start, length);
        }
    }

    private static long LengthOf(int file)
    {
        using var handle = new Microsoft.Win32.SafeHandles.SafeFileHandle(file, ownsHandle: false);
        return RandomAccess.GetLength(handle);
    }
}
