using System.Buffers.Binary;
using System.Text;

namespace Orchestrator.Collectives.SharedMemory;

/// <summary>What a rank tells its peers, over their proved connections, about its segment.</summary>
/// <param name="Host">Saves the try where it can only fail; it proves nothing. Opening the segment and finding the nonce in it
/// does.</param>
internal sealed record SegmentOffer(string Host, int Process, int File, long Length, byte[] Nonce)
{
    private const int Fixed = 4 + 4 + 8 + SegmentHeader.NonceLength;

    public static SegmentOffer Of(Segment segment, string host) =>
        new(host, Environment.ProcessId, segment.File, segment.Length, segment.Header.Nonce.ToArray());

    public byte[] ToBytes()
    {
        var bytes = new byte[Fixed + Encoding.UTF8.GetByteCount(Host)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Process);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), File);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), Length);
        Nonce.CopyTo(bytes, 16);
        Encoding.UTF8.GetBytes(Host, bytes.AsSpan(Fixed));
        return bytes;
    }

    /// <summary>Null where the rank offers none.</summary>
    public static SegmentOffer? Read(ReadOnlySpan<byte> bytes) => bytes.Length < Fixed
        ? null
        : new SegmentOffer(
            Encoding.UTF8.GetString(bytes[Fixed..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]),
            bytes.Slice(16, SegmentHeader.NonceLength).ToArray());

    /// <summary>The kernel that runs, whose processes' numbers these are, and whose network: what a person has put into networks of their
    /// own is apart, and what holds the network up must hold the sums up too.</summary>
    public static string ThisHost()
    {
        try
        {
            var boot = System.IO.File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
            return $"{boot} {new FileInfo("/proc/self/ns/pid").LinkTarget} {new FileInfo("/proc/self/ns/net").LinkTarget}";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
