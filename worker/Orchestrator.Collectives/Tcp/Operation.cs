namespace Orchestrator.Collectives.Tcp;

internal enum Next
{
    /// <summary>There is a stretch to move.</summary>
    Stretch,

    /// <summary>Not yet: it depends on what another peer sends.</summary>
    Wait,

    Done,
}

/// <summary>Bytes to send, or room to receive into. The memory stays pinned while the operation runs.</summary>
internal readonly unsafe struct Stretch(byte* start, long length)
{
    public byte* Start { get; } = start;

    public long Length { get; } = length;
}

/// <summary>
/// What one collective operation sends to and receives from each peer, stretch by stretch. The <see cref="Mesh"/> moves the bytes; a
/// stretch is asked for once the one before has been moved whole.
/// </summary>
internal abstract class Operation
{
    /// <summary>Whether delay is what it costs: then it is worth to look for bytes instead of sleeping until they come. With many bytes,
    /// looking would take them in small portions.</summary>
    public virtual bool IsShort => false;

    public abstract Next NextSend(PeerLink link, out Stretch stretch);

    public abstract Next NextReceive(PeerLink link, out Stretch stretch);
}
