using Microsoft.Data.Sqlite;

namespace Orchestrator.Coordinator.Journal;

/// <summary>The one connection that writes, with its prepared statements. Used by the commit loop alone.</summary>
internal sealed class SqliteWriter(string connectionString) : IDisposable
{
    private readonly Dictionary<string, SqliteCommand> prepared = new(StringComparer.Ordinal);
    private SqliteConnection? connection;
    private SqliteTransaction? transaction;

    /// <summary>Turns the file to WAL, which it remembers.</summary>
    public static void UseWriteAheadLog(string file)
    {
        using var once = new SqliteConnection(file);
        once.Open();
        using var command = once.CreateCommand();
        command.CommandText = "pragma journal_mode = wal";
        command.ExecuteNonQuery();
    }

    /// <summary>Takes the write lock at once: a transaction that reads first and writes later could be refused in between.</summary>
    public void Begin()
    {
        if (connection is null)
        {
            connection = new SqliteConnection(connectionString);
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "pragma synchronous = full";
            command.ExecuteNonQuery();
        }

        transaction = connection.BeginTransaction(deferred: false);
    }

    public void Commit()
    {
        transaction!.Commit();
        transaction.Dispose();
        transaction = null;
    }

    /// <summary>Rolls back and starts from a fresh connection next time.</summary>
    public void Abandon() => Dispose();

    public long Append(StreamId stream, long expected, IReadOnlyList<NewEvent> events, long at)
    {
        long? key = null;
        var actual = 0L;
        var find = Prepare("select key, version, deleted from streams where category = @category and id = @id", ("category", stream.Category), ("id", stream.Id));
        using (var reader = find.ExecuteReader())
        {
            if (reader.Read())
            {
                if (reader.GetInt64(2) != 0)
                {
                    throw SqlJournal.Deleted(stream);
                }

                (key, actual) = (reader.GetInt64(0), reader.GetInt64(1));
            }
        }

        if (actual != expected)
        {
            throw new StreamConflictException(stream, expected, actual);
        }

        key ??= Ask("insert into streams (category, id, version) values (@category, @id, 0) returning key", ("category", stream.Category), ("id", stream.Id));
        for (var index = 0; index < events.Count; index++)
        {
            Run(
                "insert into events (stream, version, type, data, at, trace_parent) values (@stream, @version, @type, @data, @at, @trace)",
                ("stream", key),
                ("version", expected + index + 1),
                ("type", events[index].Type),
                ("data", SqlJournal.Bytes(events[index].Data)),
                ("at", at),
                ("trace", events[index].TraceParent));
        }

        Run("update streams set version = @version where key = @key", ("version", expected + events.Count), ("key", key));
        return expected + events.Count;
    }

    public int Delete(StreamId stream)
    {
        if (Ask("update streams set deleted = 1 where category = @category and id = @id returning key", ("category", stream.Category), ("id", stream.Id)) is not { } key)
        {
            return 0;
        }

        Run("delete from events where stream = @stream", ("stream", key));
        Run("delete from snapshots where stream = @stream", ("stream", key));
        return stream.Category == "run" ? Run("delete from metrics where run = @run", ("run", stream.Id)) : 0;
    }

    public int WriteMetrics(IReadOnlyList<MetricRow> rows)
    {
        // What still arrives of a run that was deleted stays out.
        var gone = rows.Select(row => row.Run).Distinct(StringComparer.Ordinal)
            .Where(run => Ask("select key from streams where category = 'run' and id = @id and deleted", ("id", run)) is not null)
            .ToHashSet(StringComparer.Ordinal);
        foreach (var row in rows)
        {
            if (gone.Contains(row.Run))
            {
                continue;
            }

            Run(
                """
                insert into metrics (run, step, name, epoch, value) values (@run, @step, @name, @epoch, @value)
                on conflict (run, step, name) do update set epoch = excluded.epoch, value = excluded.value
                """,
                ("run", row.Run),
                ("step", row.Step),
                ("name", row.Name),
                ("epoch", row.Epoch),
                ("value", double.IsNaN(row.Value) ? null : row.Value));
        }

        return rows.Count;
    }

    /// <summary>Returns the number of rows changed.</summary>
    public int Run(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters) => Prepare(sql, parameters).ExecuteNonQuery();

    /// <summary>The first column of the first row, or null where there is none.</summary>
    public long? Ask(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters) => (long?)Prepare(sql, parameters).ExecuteScalar();

    public void Dispose()
    {
        foreach (var command in prepared.Values)
        {
            command.Dispose();
        }

        prepared.Clear();
        transaction?.Dispose();
        transaction = null;
        connection?.Dispose();
        connection = null;
    }

    private SqliteCommand Prepare(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        if (!prepared.TryGetValue(sql, out var command))
        {
            command = connection!.CreateCommand();
            command.CommandText = sql;
            foreach (var (name, _) in parameters)
            {
                command.Parameters.Add(new SqliteParameter { ParameterName = $"@{name}" });
            }

            prepared.Add(sql, command);
        }

        command.Transaction = transaction;
        for (var index = 0; index < parameters.Length; index++)
        {
            command.Parameters[index].Value = parameters[index].Value ?? DBNull.Value;
        }

        return command;
    }
}
