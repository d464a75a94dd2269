using System.Data.Common;
using DbUp;
using Microsoft.Data.Sqlite;

namespace Orchestrator.Coordinator.Journal;

/// <summary>The journal in one SQLite file (WAL, synchronous FULL). All writes of the process go through one connection and share transactions.</summary>
internal sealed class SqliteJournal : SqlJournal
{
    private readonly string path;
    private readonly string connectionString;
    private readonly SqliteWriter writer;
    private readonly GroupCommit<SqliteWrite> commits;

    private SqliteJournal(string path, string connectionString, JournalOptions options, TimeProvider time)
        : base(options, time)
    {
        this.path = path;
        this.connectionString = connectionString;
        writer = new SqliteWriter(connectionString);
        commits = new GroupCommit<SqliteWrite>(CommitAsync, Trouble);
    }

    public static SqliteJournal Open(string path, JournalOptions options, TimeProvider time)
    {
        var address = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            DefaultTimeout = Math.Max(1, (int)Math.Ceiling(options.LockTimeout.TotalSeconds)),
        }.ToString();
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
            {
                Directory.CreateDirectory(folder);
            }

            SqliteWriter.UseWriteAheadLog(address);
            SchemaUpgrade.Run(DeployChanges.To.SqliteDatabase(address), "Sqlite", path);
            return new SqliteJournal(path, address, options, time);
        }
        catch (SqliteException exception)
        {
            using (var connection = new SqliteConnection(address))
            {
                SqliteConnection.ClearPool(connection);
            }

            throw SqliteErrors.Explain(exception, path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new JournalException(
                "journal-denied", $"The journal {path} cannot be created: {exception.Message}", "Choose a writable --data-dir.", inner: exception);
        }
    }

    /// <inheritdoc/>
    public override async Task<long> AppendAsync(
        StreamId stream, long expectedVersion, IReadOnlyList<NewEvent> events, CancellationToken cancellationToken)
    {
        if (events.Count == 0)
        {
            return expectedVersion;
        }

        var version = await WriteAsync(session => session.Append(stream, expectedVersion, events, Micros(Time.GetUtcNow())), cancellationToken);
        Appended.Raise();
        return version;
    }

    /// <inheritdoc/>
    public override Task DeleteStreamAsync(StreamId stream, CancellationToken cancellationToken) =>
        WriteAsync(session => session.Delete(stream), cancellationToken);

    /// <inheritdoc/>
    public override Task WriteSnapshotAsync(StreamId stream, Snapshot snapshot, CancellationToken cancellationToken) =>
        WriteAsync(
            session => session.Run(
                """
                insert into snapshots (stream, version, schema, data)
                select key, @version, @schema, @data from streams where category = @category and id = @id and not deleted
                on conflict (stream) do update set version = excluded.version, schema = excluded.schema, data = excluded.data
                where excluded.version >= snapshots.version
                """,
                ("category", stream.Category),
                ("id", stream.Id),
                ("version", snapshot.Version),
                ("schema", snapshot.Schema),
                ("data", Bytes(snapshot.Data))),
            cancellationToken);

    /// <inheritdoc/>
    public override Task WriteCursorAsync(string reader, long position, CancellationToken cancellationToken) =>
        WriteAsync(
            session => session.Run(
                "insert into cursors (reader, position) values (@reader, @position) on conflict (reader) do update set position = excluded.position",
                ("reader", reader),
                ("position", position)),
            cancellationToken);

    /// <inheritdoc/>
    public override Task<Lease?> TryLeaseAsync(string name, string owner, TimeSpan duration, CancellationToken cancellationToken) =>
        WriteAsync(
            session =>
            {
                var now = Time.GetUtcNow();
                var until = now + duration;
                var token = session.Ask(
                    """
                    insert into leases (name, owner, token, until) values (@name, @owner, 1, @until)
                    on conflict (name) do update set
                        token = case when leases.owner = @owner and leases.until > @now then leases.token else leases.token + 1 end,
                        owner = excluded.owner,
                        until = excluded.until
                    where leases.owner = @owner or leases.until <= @now
                    returning token
                    """,
                    ("name", name),
                    ("owner", owner),
                    ("until", Micros(until)),
                    ("now", Micros(now)));
                return token is { } held ? new Lease(name, owner, held, until) : null;
            },
            cancellationToken);

    /// <inheritdoc/>
    public override Task ReleaseLeaseAsync(Lease lease, CancellationToken cancellationToken) =>
        WriteAsync(
            session => session.Run(
                "update leases set until = 0 where name = @name and owner = @owner and token = @token",
                ("name", lease.Name),
                ("owner", lease.Owner),
                ("token", lease.Token)),
            cancellationToken);

    /// <inheritdoc/>
    public override Task WriteMetricsAsync(IReadOnlyList<MetricRow> rows, CancellationToken cancellationToken) =>
        rows.Count == 0 ? Task.CompletedTask : WriteAsync(session => session.WriteMetrics(rows), cancellationToken);

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await commits.DisposeAsync();
        writer.Dispose();
        using var connection = new SqliteConnection(connectionString);
        SqliteConnection.ClearPool(connection);
    }

    private protected override async ValueTask<DbConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        var connection = new SqliteConnection(connectionString);
        await connection.OpenAsync(cancellationToken);
        return connection;
    }

    private protected override DateTimeOffset ReadTime(DbDataReader reader, int column) =>
        DateTimeOffset.UnixEpoch.AddTicks(reader.GetInt64(column) * TimeSpan.TicksPerMicrosecond);

    private protected override JournalException Explain(DbException exception) => SqliteErrors.Explain(exception, path);

    private static long Micros(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private async Task<T> WriteAsync<T>(Func<SqliteWriter, T> write, CancellationToken cancellationToken)
    {
        var pending = new SqliteWrite<T>(write);
        await commits.EnqueueAsync(pending, cancellationToken);
        return await pending.Done.WaitAsync(cancellationToken);
    }

    private Task CommitAsync(IReadOnlyList<SqliteWrite> group)
    {
        try
        {
            writer.Begin();
            foreach (var write in group)
            {
                write.Run(writer);
            }

            writer.Commit();
        }
        catch (Exception exception)
        {
            writer.Abandon();
            throw exception is SqliteException error ? SqliteErrors.Explain(error, path) : exception;
        }

        foreach (var write in group)
        {
            write.Succeed();
        }

        return Task.CompletedTask;
    }
}
