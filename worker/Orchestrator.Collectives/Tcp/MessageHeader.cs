using System.Buffers.Binary;

namespace Orchestrator.Collectives.Tcp;

internal enum MessageKind : byte
{
    /// <summary>Rows of partial sums for the chunk that the receiver adds.</summary>
    Partials = 1,

    /// <summary>The finished sum of the sender's chunk.</summary>
    Total = 2,

    /// <summary>A contribution to an all-gather.</summary>
    Gather = 3,

    /// <summary>The sender gives up; <see cref="MessageHeader.Length"/> is the failure, <see cref="MessageHeader.Detail"/> the rank that
    /// it blames.</summary>
    Abort = 4,

    /// <summary>The root's bytes, on their way along the chain.</summary>
    Broadcast = 5,
}

/// <summary>Precedes every message: 24 bytes, little-endian.</summary>
/// <param name="Sequence">Counts the generation's operations, so that ranks out of step notice before they add.</param>
/// <param name="Length">Elements of the whole operation, or bytes of a gather or broadcast.</param>
/// <param name="Detail">The dtype, or the root of a broadcast.</param>
internal readonly record struct MessageHeader(MessageKind Kind, long Sequence, long Length, int Detail)
{
    public const int Size = 24;

    private const byte Mark = 0xC0;

    public void Write(Span<byte> bytes)
    {
        bytes[0] = Mark;
        bytes[1] = (byte)Kind;
        BinaryPrimitives.WriteInt16LittleEndian(bytes[2..], 0);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], Detail);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], Length);
    }

    /// <summary>Null where these bytes are no header.</summary>
    public static MessageHeader? Read(ReadOnlySpan<byte> bytes) => bytes[0] != Mark
        ? null
        : new MessageHeader(
            (MessageKind)bytes[1],
            BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]));
}
