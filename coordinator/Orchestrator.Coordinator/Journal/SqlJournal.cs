using System.Data.Common;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Orchestrator.Coordinator.Journal;

/// <summary>What the journals of SQLite and PostgreSQL share: everything that reads. Reads go page by page, so that none holds the database up.</summary>
public abstract class SqlJournal : IJournal, IAsyncDisposable, IDisposable
{
    private const int PageRows = 1000;

    private const string EventColumns = "e.position, s.category, s.id, e.version, e.type, e.data, e.at, e.trace_parent";

    private readonly TimeSpan pollInterval;

    private protected SqlJournal(JournalOptions options, TimeProvider time)
    {
        pollInterval = options.PollInterval;
        Time = time;
    }

    /// <summary>How writing goes.</summary>
    internal JournalTrouble Trouble { get; } = new();

    private protected TimeProvider Time { get; }

    private protected AppendSignal Appended { get; } = new();

    /// <inheritdoc/>
    public abstract Task<long> AppendAsync(
        StreamId stream, long expectedVersion, IReadOnlyList<NewEvent> events, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<JournalEvent> ReadStreamAsync(
        StreamId stream, long afterVersion, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        const string Sql = $"""
            select {EventColumns} from streams s join events e on e.stream = s.key
            where s.category = @category and s.id = @id and e.version > @after order by e.version limit @limit
            """;
        var after = afterVersion;
        while (true)
        {
            var page = await QueryAsync(
                Sql, ReadEvent, cancellationToken, ("category", stream.Category), ("id", stream.Id), ("after", after), ("limit", PageRows));
            foreach (var row in page)
            {
                yield return row;
            }

            if (page.Count < PageRows)
            {
                yield break;
            }

            after = page[^1].Version;
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<JournalEvent> ReadCategoryAsync(string category, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Along the index on events: SQLite keeps the order of a cross join, and would else sort the whole category for every page.
        const string Sql = $"""
            select {EventColumns}, e.stream from events e cross join streams s
            where s.key = e.stream and (e.stream, e.version) > (@stream, @version) and s.category = @category and not s.deleted
            order by e.stream, e.version limit @limit
            """;
        var (stream, version) = (long.MinValue, 0L);
        while (true)
        {
            var page = await QueryAsync(
                Sql, reader => (Event: ReadEvent(reader), Stream: reader.GetInt64(8)), cancellationToken,
                ("stream", stream), ("version", version), ("category", category), ("limit", PageRows));
            foreach (var row in page)
            {
                yield return row.Event;
            }

            if (page.Count < PageRows)
            {
                yield break;
            }

            (stream, version) = (page[^1].Stream, page[^1].Event.Version);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<JournalEvent> ReadAllAsync(long afterPosition, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        const string Sql = $"""
            select {EventColumns} from events e join streams s on s.key = e.stream
            where e.position > @after order by e.position limit @limit
            """;
        var after = afterPosition;
        while (true)
        {
            var page = await QueryAsync(Sql, ReadEvent, cancellationToken, ("after", after), ("limit", PageRows));
            foreach (var row in page)
            {
                yield return row;
            }

            if (page.Count < PageRows)
            {
                yield break;
            }

            after = page[^1].Position;
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<JournalEvent> FollowAsync(long afterPosition, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var after = afterPosition;
        while (!cancellationToken.IsCancellationRequested)
        {
            var appended = Appended.Next;
            await foreach (var row in ReadAllAsync(after, cancellationToken))
            {
                after = row.Position;
                yield return row;
            }

            using var poll = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(appended, Task.Delay(pollInterval, poll.Token));
            await poll.CancelAsync();
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> ListStreamsAsync(string category, CancellationToken cancellationToken) =>
        await QueryAsync(
            $"select id from streams where category = @category and not deleted order by key",
            reader => reader.GetString(0),
            cancellationToken,
            ("category", category));

    /// <inheritdoc/>
    public abstract Task DeleteStreamAsync(StreamId stream, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public async Task<Snapshot?> ReadSnapshotAsync(StreamId stream, CancellationToken cancellationToken) =>
        (await QueryAsync(
            "select n.version, n.schema, n.data from snapshots n join streams s on s.key = n.stream where s.category = @category and s.id = @id",
            reader => new Snapshot(reader.GetInt64(0), reader.GetString(1), reader.GetFieldValue<byte[]>(2)),
            cancellationToken,
            ("category", stream.Category),
            ("id", stream.Id))).SingleOrDefault();

    /// <inheritdoc/>
    public abstract Task WriteSnapshotAsync(StreamId stream, Snapshot snapshot, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public async Task<long> ReadCursorAsync(string reader, CancellationToken cancellationToken) =>
        (await QueryAsync(
            "select position from cursors where reader = @reader", row => row.GetInt64(0), cancellationToken, ("reader", reader))).SingleOrDefault();

    /// <inheritdoc/>
    public abstract Task WriteCursorAsync(string reader, long position, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public abstract Task<Lease?> TryLeaseAsync(string name, string owner, TimeSpan duration, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public abstract Task ReleaseLeaseAsync(Lease lease, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public abstract Task WriteMetricsAsync(IReadOnlyList<MetricRow> rows, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<MetricRow> ReadMetricsAsync(string run, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        const string Sql = """
            select step, name, epoch, value from metrics
            where run = @run and (step, name) > (@step, @name) order by step, name limit @limit
            """;
        var (step, name) = (long.MinValue, "");
        while (true)
        {
            var page = await QueryAsync(
                Sql,
                reader => new MetricRow(run, reader.GetInt64(0), reader.GetInt32(2), reader.GetString(1), reader.IsDBNull(3) ? double.NaN : reader.GetDouble(3)),
                cancellationToken,
                ("run", run),
                ("step", step),
                ("name", name),
                ("limit", PageRows));
            foreach (var row in page)
            {
                yield return row;
            }

            if (page.Count < PageRows)
            {
                yield break;
            }

            (step, name) = (page[^1].Step, page[^1].Name);
        }
    }

    /// <summary>Commits what is queued and closes the database.</summary>
    public abstract ValueTask DisposeAsync();

    /// <inheritdoc cref="DisposeAsync"/>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    internal static JournalException Deleted(StreamId stream) =>
        new("deleted-stream", $"{stream} was deleted.", "Submit it again: it gets a new identifier.");

    /// <summary>As drivers take them; a snapshot of a large sweep is not copied where it is an array already.</summary>
    internal static byte[] Bytes(ReadOnlyMemory<byte> memory) =>
        MemoryMarshal.TryGetArray(memory, out var segment) && segment.Array is { } array && segment.Offset == 0 && segment.Count == array.Length ? array : memory.ToArray();

    private protected abstract ValueTask<DbConnection> ConnectAsync(CancellationToken cancellationToken);

    private protected abstract DateTimeOffset ReadTime(DbDataReader reader, int column);

    /// <summary>The driver's error as one that names the database and the mend.</summary>
    private protected abstract JournalException Explain(DbException exception);

    private protected static void Bind(DbCommand command, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = name;
            parameter.Value = value ?? DBNull.Value;
            command.Parameters.Add(parameter);
        }
    }

    private protected async Task<List<T>> QueryAsync<T>(
        string sql, Func<DbDataReader, T> read, CancellationToken cancellationToken, params (string Name, object? Value)[] parameters)
    {
        try
        {
            await using var connection = await ConnectAsync(cancellationToken);
            await using var command = connection.CreateCommand();
            command.CommandText = sql;
            Bind(command, parameters);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            var rows = new List<T>();
            while (await reader.ReadAsync(cancellationToken))
            {
                rows.Add(read(reader));
            }

            return rows;
        }
        catch (DbException exception)
        {
            throw Explain(exception);
        }
    }

    private JournalEvent ReadEvent(DbDataReader reader) =>
        new(
            reader.GetInt64(0),
            new StreamId(reader.GetString(1), reader.GetString(2)),
            reader.GetInt64(3),
            reader.GetString(4),
            reader.GetFieldValue<byte[]>(5),
            ReadTime(reader, 6),
            reader.IsDBNull(7) ? null : reader.GetString(7));
}
