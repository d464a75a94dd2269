using System.Runtime.CompilerServices;
using Orchestrator.Coordinator.Journal;

namespace Orchestrator.Simulation.Tests;

/// <summary>What outlives every coordinator. A run's append stands at once, and its answer takes a moment, in which the coordinator can die; or it fails, before it stands or after.</summary>
internal sealed class MemoryJournal(VirtualWorld world) : IJournal
{
    private readonly Dictionary<StreamId, List<JournalEvent>> streams = [];
    private long position;

    public enum Fault
    {
        None,

        /// <summary>Nothing is written.</summary>
        Before,

        /// <summary>It stands, and the answer is lost.</summary>
        After,
    }

    /// <summary>What becomes of the next append of a run's events.</summary>
    public Fault Next { get; set; }

    public IReadOnlyList<JournalEvent> Read(string category, string id) => streams.GetValueOrDefault(new StreamId(category, id)) ?? [];

    public async Task<long> AppendAsync(StreamId stream, long expectedVersion, IReadOnlyList<NewEvent> events, CancellationToken cancellationToken)
    {
        var fault = stream.Category == "run" ? Next : Fault.None;
        if (stream.Category == "run")
        {
            Next = Fault.None;
            var process = (Process)SynchronizationContext.Current!;
            await world.Delay(process, world.Between(0.1, 2));
        }

        if (fault is Fault.Before)
        {
            throw Away();
        }

        if (!streams.TryGetValue(stream, out var rows))
        {
            streams[stream] = rows = [];
        }

        if (rows.Count != expectedVersion)
        {
            throw new StreamConflictException(stream, expectedVersion, rows.Count);
        }

        foreach (var happened in events)
        {
            rows.Add(new JournalEvent(++position, stream, rows.Count + 1, happened.Type, happened.Data, default, happened.TraceParent));
        }

        var version = (long)rows.Count;
        if (stream.Category == "run")
        {
            await world.Delay((Process)SynchronizationContext.Current!, world.Between(0.1, 3));
        }

        return fault is Fault.After ? throw Away() : version;
    }

    public async IAsyncEnumerable<JournalEvent> ReadStreamAsync(
        StreamId stream, long afterVersion, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        if (streams.TryGetValue(stream, out var rows))
        {
            for (var index = (int)afterVersion; index < rows.Count; index++)
            {
                yield return rows[index];
            }
        }
    }

    public async IAsyncEnumerable<JournalEvent> ReadCategoryAsync(string category, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var row in streams.Where(stream => stream.Key.Category == category).SelectMany(stream => stream.Value))
        {
            yield return row;
        }
    }

    public Task<IReadOnlyList<string>> ListStreamsAsync(string category, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<string>>([.. streams.Keys.Where(stream => stream.Category == category).Select(stream => stream.Id)]);

    public Task<Snapshot?> ReadSnapshotAsync(StreamId stream, CancellationToken cancellationToken) => Task.FromResult<Snapshot?>(null);

    public Task WriteSnapshotAsync(StreamId stream, Snapshot snapshot, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task WriteMetricsAsync(IReadOnlyList<MetricRow> rows, CancellationToken cancellationToken) => Task.CompletedTask;

    public IAsyncEnumerable<JournalEvent> ReadAllAsync(long afterPosition, CancellationToken cancellationToken) => throw new NotSupportedException();

    public IAsyncEnumerable<JournalEvent> FollowAsync(long afterPosition, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task DeleteStreamAsync(StreamId stream, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<long> ReadCursorAsync(string reader, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task WriteCursorAsync(string reader, long position, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<Lease?> TryLeaseAsync(string name, string owner, TimeSpan duration, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task ReleaseLeaseAsync(Lease lease, CancellationToken cancellationToken) => throw new NotSupportedException();

    public IAsyncEnumerable<MetricRow> ReadMetricsAsync(string run, CancellationToken cancellationToken) => throw new NotSupportedException();

    private static JournalException Away() => new("journal-unreachable", "The database does not answer.", "Start it.", passing: true);
}
