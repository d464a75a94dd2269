namespace Orchestrator.Collectives;

public enum CollectiveFailure
{
    /// <summary>The peer's connection ended.</summary>
    PeerLost,

    /// <summary>Nothing came within the deadline.</summary>
    TimedOut,

    /// <summary>It could not prove the generation's key.</summary>
    Refused,

    /// <summary>Ranks disagree about what they are doing: a bug or mixed versions.</summary>
    Protocol,

    /// <summary>It was disposed on this rank while the operation ran.</summary>
    Closed,
}

/// <summary>A collective operation that can't complete; the generation is over for this rank.</summary>
/// <param name="peer">The rank whose connection showed it, or that a peer named; -1 where unknown.</param>
public sealed class CollectiveException(
    CollectiveFailure failure, int peer, string message, Exception? inner = null) : IOException(message, inner)
{
    public CollectiveFailure Failure { get; } = failure;

    public int Peer { get; } = peer;
}
