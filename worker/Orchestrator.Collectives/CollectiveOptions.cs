namespace Orchestrator.Collectives;

/// <summary>Bounds of a collective that has peers.</summary>
public sealed record CollectiveOptions
{
    /// <summary>Silence after which a pending operation fails. Longer than the longest time between a gang's fastest and slowest
    /// rank.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>From the first dial until all peers have proved themselves.</summary>
    public TimeSpan HandshakeDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest contribution to an all-gather that is taken from a peer, in bytes.</summary>
    public int GreatestGather { get; init; } = 256 << 20;

    /// <summary>Whether ranks that can read each other's memory do so.</summary>
    public bool SharedMemory { get; init; } = true;

    /// <summary>What counts as this rank's host: ranks of different ones share no memory. Null: the machine.</summary>
    public string? Host { get; init; }

    /// <summary>Rows up to this size, in bytes, are still in the caches of the core that wrote them, from where others read slowly: they
    /// are staged wherever they lie.</summary>
    internal int CachedBytes { get; init; } = 12 << 20;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Deadline, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Deadline, TimeSpan.FromDays(1));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(HandshakeDeadline, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(HandshakeDeadline, TimeSpan.FromDays(1));
        ArgumentOutOfRangeException.ThrowIfNegative(GreatestGather);
    }
}
