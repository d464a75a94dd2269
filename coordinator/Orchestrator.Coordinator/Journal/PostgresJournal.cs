using System.Data.Common;
using DbUp;
using Npgsql;
using NpgsqlTypes;

namespace Orchestrator.Coordinator.Journal;

/// <summary>The journal in PostgreSQL. Appends of the process share transactions, and one advisory lock orders those of all processes.</summary>
internal sealed class PostgresJournal : SqlJournal
{
    // Any number that nobody else in the database uses: "orch" in ASCII.
    private const long AppendLock = 0x6F726368;
    private const long UpgradeLock = AppendLock + 1;

    private readonly string where;
    private readonly NpgsqlDataSource source;
    private readonly GroupCommit<PostgresAppend> appends;

    private PostgresJournal(string where, NpgsqlDataSource source, JournalOptions options, TimeProvider time)
        : base(options, time)
    {
        this.where = where;
        this.source = source;
        appends = new GroupCommit<PostgresAppend>(CommitAsync, Trouble);
    }

    public static PostgresJournal Open(string connectionString, JournalOptions options, TimeProvider time)
    {
        NpgsqlConnectionStringBuilder address;
        try
        {
            address = new NpgsqlConnectionStringBuilder(connectionString) { ApplicationName = "orchestrator", MaxAutoPrepare = 32 };
        }
        catch (ArgumentException exception)
        {
            throw new JournalException(
                "journal-address",
                $"--database is not a connection string: {exception.Message.ReplaceLineEndings(" ")}",
                "Write it like Host=db;Port=5432;Username=orch;Password=...;Database=orch.",
                inner: exception);
        }

        var place = $"{address.Database ?? address.Username} at {address.Host}:{address.Port}";
        try
        {
            Upgrade(address.ToString(), place);
        }
        catch (DbException exception)
        {
            throw PostgresErrors.Explain(exception, place);
        }

        return new PostgresJournal(place, NpgsqlDataSource.Create(address), options, time);
    }

    /// <inheritdoc/>
    public override async Task<long> AppendAsync(
        StreamId stream, long expectedVersion, IReadOnlyList<NewEvent> events, CancellationToken cancellationToken)
    {
        if (events.Count == 0)
        {
            return expectedVersion;
        }

        var append = new PostgresAppend(stream, expectedVersion, events, Time.GetUtcNow());
        await appends.EnqueueAsync(append, cancellationToken);
        var version = await append.Done.WaitAsync(cancellationToken);
        Appended.Raise();
        return version;
    }

    /// <inheritdoc/>
    public override Task DeleteStreamAsync(StreamId stream, CancellationToken cancellationToken) =>
        QueryAsync(
            $"""
            select pg_advisory_xact_lock({AppendLock});
            with stream as (update streams set deleted = true where category = @category and id = @id returning key, category, id),
            gone as (delete from events where stream in (select key from stream)),
            shortcut as (delete from snapshots where stream in (select key from stream))
            delete from metrics where run in (select id from stream where category = 'run')
            """,
            _ => 0,
            cancellationToken,
            ("category", stream.Category),
            ("id", stream.Id));

    /// <inheritdoc/>
    public override Task WriteSnapshotAsync(StreamId stream, Snapshot snapshot, CancellationToken cancellationToken) =>
        QueryAsync(
            """
            insert into snapshots (stream, version, schema, data)
            select key, @version, @schema, @data from streams where category = @category and id = @id and not deleted
            on conflict (stream) do update set version = excluded.version, schema = excluded.schema, data = excluded.data
            where excluded.version >= snapshots.version
            """,
            _ => 0,
            cancellationToken,
            ("category", stream.Category),
            ("id", stream.Id),
            ("version", snapshot.Version),
            ("schema", snapshot.Schema),
            ("data", Bytes(snapshot.Data)));

    /// <inheritdoc/>
    public override Task WriteCursorAsync(string reader, long position, CancellationToken cancellationToken) =>
        QueryAsync(
            "insert into cursors (reader, position) values (@reader, @position) on conflict (reader) do update set position = excluded.position",
            _ => 0,
            cancellationToken,
            ("reader", reader),
            ("position", position));

    /// <inheritdoc/>
    public override async Task<Lease?> TryLeaseAsync(string name, string owner, TimeSpan duration, CancellationToken cancellationToken) =>
        (await QueryAsync(
            """
            insert into leases (name, owner, token, until) values (@name, @owner, 1, clock_timestamp() + @duration)
            on conflict (name) do update set
                token = case when leases.owner = @owner and leases.until > clock_timestamp() then leases.token else leases.token + 1 end,
                owner = excluded.owner,
                until = clock_timestamp() + @duration
            where leases.owner = @owner or leases.until <= clock_timestamp()
            returning token, until
            """,
            reader => new Lease(name, owner, reader.GetInt64(0), reader.GetFieldValue<DateTimeOffset>(1)),
            cancellationToken,
            ("name", name),
            ("owner", owner),
            ("duration", duration))).SingleOrDefault();

    /// <inheritdoc/>
    public override Task ReleaseLeaseAsync(Lease lease, CancellationToken cancellationToken) =>
        QueryAsync(
            "update leases set until = '-infinity' where name = @name and owner = @owner and token = @token",
            _ => 0,
            cancellationToken,
            ("name", lease.Name),
            ("owner", lease.Owner),
            ("token", lease.Token));

    /// <inheritdoc/>
    public override async Task WriteMetricsAsync(IReadOnlyList<MetricRow> rows, CancellationToken cancellationToken)
    {
        if (rows.Count == 0)
        {
            return;
        }

        // COPY takes them in, the insert makes a row that was written twice one row, and leaves out what still arrives of a deleted run.
        await TryAsync(async () =>
        {
            await using var connection = await source.OpenConnectionAsync(cancellationToken);
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await ExecuteAsync(
                connection,
                "create temporary table incoming (ordinal integer, run text, step bigint, name text, epoch integer, value double precision) on commit drop",
                cancellationToken);
            await CopyAsync(connection, rows, cancellationToken);
            await ExecuteAsync(
                connection,
                """
                insert into metrics (run, step, name, epoch, value)
                select distinct on (run, step, name) run, step, name, epoch, value from incoming
                where not exists (select 1 from streams where category = 'run' and id = run and deleted)
                order by run, step, name, ordinal desc
                on conflict (run, step, name) do update set epoch = excluded.epoch, value = excluded.value
                """,
                cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        });
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await appends.DisposeAsync();
        await source.DisposeAsync();
    }

    private protected override async ValueTask<DbConnection> ConnectAsync(CancellationToken cancellationToken) =>
        await source.OpenConnectionAsync(cancellationToken);

    private protected override DateTimeOffset ReadTime(DbDataReader reader, int column) => reader.GetFieldValue<DateTimeOffset>(column);

    private protected override JournalException Explain(DbException exception) => PostgresErrors.Explain(exception, where);

    private static void Upgrade(string connectionString, string place)
    {
        // Coordinators that start together take turns.
        using var connection = new NpgsqlConnection(connectionString);
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"select pg_advisory_lock({UpgradeLock})";
        command.ExecuteNonQuery();
        SchemaUpgrade.Run(DeployChanges.To.PostgresqlDatabase(connectionString), "Postgres", place);
        command.CommandText = $"select pg_advisory_unlock({UpgradeLock})";
        command.ExecuteNonQuery();
    }

    private static async Task CopyAsync(NpgsqlConnection connection, IReadOnlyList<MetricRow> rows, CancellationToken cancellationToken)
    {
        await using var copy = await connection.BeginBinaryImportAsync(
            "copy incoming (ordinal, run, step, name, epoch, value) from stdin (format binary)", cancellationToken);
        for (var index = 0; index < rows.Count; index++)
        {
            var row = rows[index];
            await copy.StartRowAsync(cancellationToken);
            await copy.WriteAsync(index, NpgsqlDbType.Integer, cancellationToken);
            await copy.WriteAsync(row.Run, NpgsqlDbType.Text, cancellationToken);
            await copy.WriteAsync(row.Step, NpgsqlDbType.Bigint, cancellationToken);
            await copy.WriteAsync(row.Name, NpgsqlDbType.Text, cancellationToken);
            await copy.WriteAsync(row.Epoch, NpgsqlDbType.Integer, cancellationToken);
            await copy.WriteAsync(row.Value, NpgsqlDbType.Double, cancellationToken);
        }

        await copy.CompleteAsync(cancellationToken);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task TryAsync(Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (DbException exception)
        {
            throw Explain(exception);
        }
    }

    private Task CommitAsync(IReadOnlyList<PostgresAppend> group) =>
        TryAsync(async () =>
        {
            await using var connection = await source.OpenConnectionAsync();
            await using var transaction = await connection.BeginTransactionAsync();
            await using (var batch = new NpgsqlBatch(connection, transaction))
            {
                batch.BatchCommands.Add(new NpgsqlBatchCommand($"select pg_advisory_xact_lock({AppendLock})"));
                foreach (var append in group)
                {
                    batch.BatchCommands.Add(append.Command());
                }

                await batch.ExecuteNonQueryAsync();
                for (var index = 0; index < group.Count; index++)
                {
                    if (batch.BatchCommands[index + 1].RecordsAffected == 0)
                    {
                        group[index].Refusal = await RefusalAsync(connection, group[index]);
                    }
                }
            }

            await transaction.CommitAsync();
            foreach (var append in group)
            {
                append.Succeed();
            }
        });

    private static async Task<Exception> RefusalAsync(NpgsqlConnection connection, PostgresAppend append)
    {
        await using var command = new NpgsqlCommand("select version, deleted from streams where category = $1 and id = $2", connection)
        {
            Parameters = { new NpgsqlParameter<string> { TypedValue = append.Stream.Category }, new NpgsqlParameter<string> { TypedValue = append.Stream.Id } },
        };
        await using var reader = await command.ExecuteReaderAsync();
        if (!await reader.ReadAsync())
        {
            return new StreamConflictException(append.Stream, append.Expected, 0);
        }

        return reader.GetBoolean(1) ? Deleted(append.Stream) : new StreamConflictException(append.Stream, append.Expected, reader.GetInt64(0));
    }
}
