using Orchestrator.Coordinator.Journal;

namespace Orchestrator.Coordinator.Tests.Runs;

/// <summary>A journal whose answers get lost when it is told so: the append stands, or does not, and its writer hears only that something went wrong.</summary>
internal sealed class ForgetfulJournal(IJournal journal) : IJournal
{
    /// <summary>What happens to the next append; then all is well again.</summary>
    public Fault Next { get; set; }

    public enum Fault
    {
        None,

        /// <summary>It stands, and the answer is lost.</summary>
        After,

        /// <summary>Nothing was written.</summary>
        Before,
    }

    public async Task<long> AppendAsync(StreamId stream, long expectedVersion, IReadOnlyList<NewEvent> events, CancellationToken cancellationToken)
    {
        var fault = Next;
        Next = Fault.None;
        if (fault is Fault.Before)
        {
            throw Away();
        }

        var version = await journal.AppendAsync(stream, expectedVersion, events, cancellationToken);
        return fault is Fault.After ? throw Away() : version;
    }

    public IAsyncEnumerable<JournalEvent> ReadStreamAsync(StreamId stream, long afterVersion, CancellationToken cancellationToken) =>
        journal.ReadStreamAsync(stream, afterVersion, cancellationToken);

    public IAsyncEnumerable<JournalEvent> ReadCategoryAsync(string category, CancellationToken cancellationToken) => journal.ReadCategoryAsync(category, cancellationToken);

    public IAsyncEnumerable<JournalEvent> ReadAllAsync(long afterPosition, CancellationToken cancellationToken) => journal.ReadAllAsync(afterPosition, cancellationToken);

    public IAsyncEnumerable<JournalEvent> FollowAsync(long afterPosition, CancellationToken cancellationToken) => journal.FollowAsync(afterPosition, cancellationToken);

    public Task<IReadOnlyList<string>> ListStreamsAsync(string category, CancellationToken cancellationToken) => journal.ListStreamsAsync(category, cancellationToken);

    public Task DeleteStreamAsync(StreamId stream, CancellationToken cancellationToken) => journal.DeleteStreamAsync(stream, cancellationToken);

    public Task<Snapshot?> ReadSnapshotAsync(StreamId stream, CancellationToken cancellationToken) => journal.ReadSnapshotAsync(stream, cancellationToken);

    public Task WriteSnapshotAsync(StreamId stream, Snapshot snapshot, CancellationToken cancellationToken) => journal.WriteSnapshotAsync(stream, snapshot, cancellationToken);

    public Task<long> ReadCursorAsync(string reader, CancellationToken cancellationToken) => journal.ReadCursorAsync(reader, cancellationToken);

    public Task WriteCursorAsync(string reader, long position, CancellationToken cancellationToken) => journal.WriteCursorAsync(reader, position, cancellationToken);

    public Task<Lease?> TryLeaseAsync(string name, string owner, TimeSpan duration, CancellationToken cancellationToken) =>
        journal.TryLeaseAsync(name, owner, duration, cancellationToken);

    public Task ReleaseLeaseAsync(Lease lease, CancellationToken cancellationToken) => journal.ReleaseLeaseAsync(lease, cancellationToken);

    public Task WriteMetricsAsync(IReadOnlyList<MetricRow> rows, CancellationToken cancellationToken) => journal.WriteMetricsAsync(rows, cancellationToken);

    public IAsyncEnumerable<MetricRow> ReadMetricsAsync(string run, CancellationToken cancellationToken) => journal.ReadMetricsAsync(run, cancellationToken);

    private static JournalException Away() => new("journal-unreachable", "The database does not answer.", "Start it.", passing: true);
}
