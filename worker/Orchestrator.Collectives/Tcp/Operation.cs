namespace Orchestrator.Collectives.Tcp;

internal enum Next
{
    /// <summary>There is a segment to move.</summary>
    Segment,

    /// <summary>Not yet: it depends on what another peer sends.</summary>
    Wait,

    Done,
}

/// <summary>Bytes to send, or room to receive into. The memory stays pinned while the operation runs.</summary>
internal readonly unsafe struct Segment(byte* start, long length)
{
    public byte* Start { get; } = start;

    public long Length { get; } = length;
}

/// <summary>
/// What one collective operation sends to and receives from each peer, segment by segment. The <see cref="Mesh"/> moves the bytes; a
/// segment is asked for once the one before has been moved whole.
/// </summary>
internal abstract class Operation
{
    public abstract Next NextSend(PeerLink link, out Segment segment);

    public abstract Next NextReceive(PeerLink link, out Segment segment);
}
