namespace Orchestrator.Coordinator.Journal;

/// <summary>A stream of events: one per sweep, run and worker.</summary>
/// <param name="Category">sweep, run or worker</param>
public readonly record struct StreamId(string Category, string Id)
{
    public override string ToString() => $"{Category}/{Id}";
}

/// <param name="Type">The event's name, stable for ever.</param>
/// <param name="Data">UTF-8 JSON.</param>
/// <param name="TraceParent">W3C trace context that it happened in, or null.</param>
public sealed record NewEvent(string Type, ReadOnlyMemory<byte> Data, string? TraceParent = null);

/// <param name="Position">Global, increasing in commit order: a reader that has seen a position never misses a smaller one.</param>
/// <param name="Version">Within the stream, from 1.</param>
public sealed record JournalEvent(
    long Position, StreamId Stream, long Version, string Type, ReadOnlyMemory<byte> Data, DateTimeOffset At, string? TraceParent);

/// <summary>A stream's state after its event number <paramref name="Version"/>; only a shortcut, replay gives the same.</summary>
public sealed record Snapshot(long Version, string Schema, ReadOnlyMemory<byte> Data);

/// <summary>One number that a run measured at one step.</summary>
public readonly record struct MetricRow(string Run, long Step, int Epoch, string Name, double Value);

/// <summary>A right to do something alone, until it expires or another owner's greater token replaces it.</summary>
public sealed record Lease(string Name, string Owner, long Token, DateTimeOffset Until);

/// <summary>Somebody else appended first, or the stream is not at the version that the writer decided on.</summary>
public sealed class StreamConflictException(StreamId stream, long expected, long actual)
    : Exception($"Stream {stream} is at version {actual}, not {expected}.")
{
    public StreamId Stream { get; } = stream;
    public long Actual { get; } = actual;
}

/// <summary>The append-only log that every decision is written to before it has an effect.</summary>
public interface IJournal
{
    /// <summary>Appends all or nothing, durably. Returns the stream's new version. Concurrent appends share transactions (group commit).</summary>
    /// <param name="expectedVersion">The version that was decided on; 0 for a new stream.</param>
    /// <exception cref="StreamConflictException">The stream is elsewhere.</exception>
    Task<long> AppendAsync(StreamId stream, long expectedVersion, IReadOnlyList<NewEvent> events, CancellationToken cancellationToken);

    IAsyncEnumerable<JournalEvent> ReadStreamAsync(StreamId stream, long afterVersion, CancellationToken cancellationToken);

    /// <summary>Every event of the category's streams, stream after stream, each in its order: what a start reads, which has no use for a query a stream.</summary>
    IAsyncEnumerable<JournalEvent> ReadCategoryAsync(string category, CancellationToken cancellationToken);

    /// <summary>Every event after the position, in order, up to the present end.</summary>
    IAsyncEnumerable<JournalEvent> ReadAllAsync(long afterPosition, CancellationToken cancellationToken);

    /// <summary>Every event after the position, then new ones as they are appended; ends with the token.</summary>
    IAsyncEnumerable<JournalEvent> FollowAsync(long afterPosition, CancellationToken cancellationToken);

    Task<IReadOnlyList<string>> ListStreamsAsync(string category, CancellationToken cancellationToken);

    /// <summary>Takes the stream, its snapshot and its metrics away. What was deleted stays deleted: the id is not used again.</summary>
    Task DeleteStreamAsync(StreamId stream, CancellationToken cancellationToken);

    Task<Snapshot?> ReadSnapshotAsync(StreamId stream, CancellationToken cancellationToken);

    Task WriteSnapshotAsync(StreamId stream, Snapshot snapshot, CancellationToken cancellationToken);

    /// <summary>How far a named reader has come; 0 at first.</summary>
    Task<long> ReadCursorAsync(string reader, CancellationToken cancellationToken);

    Task WriteCursorAsync(string reader, long position, CancellationToken cancellationToken);

    /// <summary>Takes or prolongs the lease; null where another owner holds it. A new owner gets a greater token.</summary>
    Task<Lease?> TryLeaseAsync(string name, string owner, TimeSpan duration, CancellationToken cancellationToken);

    Task ReleaseLeaseAsync(Lease lease, CancellationToken cancellationToken);

    /// <summary>In one batch; a row written twice is one row.</summary>
    Task WriteMetricsAsync(IReadOnlyList<MetricRow> rows, CancellationToken cancellationToken);

    IAsyncEnumerable<MetricRow> ReadMetricsAsync(string run, CancellationToken cancellationToken);
}
