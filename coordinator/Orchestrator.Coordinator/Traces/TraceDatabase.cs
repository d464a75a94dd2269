using System.Data.Common;
using Dapper;
using Microsoft.Data.Sqlite;
using Npgsql;
using Orchestrator.Coordinator.Hosting;

namespace Orchestrator.Coordinator.Traces;

/// <summary>
/// Recent spans in SQLite (a file of their own, so that they never wait for the journal nor it for them) or PostgreSQL. Both take the same statements.
/// </summary>
internal sealed class TraceDatabase(DbDataSource source, TraceLimits limits) : IAsyncDisposable
{
    private const string Schema =
        """
        CREATE TABLE IF NOT EXISTS traces (trace_id TEXT PRIMARY KEY, seen BIGINT NOT NULL, spans BIGINT NOT NULL, dropped BIGINT NOT NULL);
        CREATE TABLE IF NOT EXISTS trace_spans (
          trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL, service TEXT NOT NULL, process_id INTEGER NOT NULL,
          start_nano BIGINT NOT NULL, end_nano BIGINT NOT NULL, attributes TEXT NOT NULL, PRIMARY KEY (trace_id, span_id));
        CREATE INDEX IF NOT EXISTS traces_seen ON traces (seen);
        """;

    private const string Insert =
        """
        INSERT INTO trace_spans (trace_id, span_id, parent, name, service, process_id, start_nano, end_nano, attributes)
        VALUES (@TraceId, @SpanId, @Parent, @Name, @Service, @ProcessId, @StartUnixNano, @EndUnixNano, @Attributes)
        ON CONFLICT (trace_id, span_id) DO NOTHING
        """;

    private const string Count =
        """
        INSERT INTO traces (trace_id, seen, spans, dropped) VALUES (@id, @seen, @spans, @dropped)
        ON CONFLICT (trace_id) DO UPDATE SET seen = excluded.seen, spans = traces.spans + excluded.spans, dropped = traces.dropped + excluded.dropped
        """;

    private const string Oldest = "SELECT trace_id FROM traces ORDER BY seen DESC, trace_id LIMIT 1000 OFFSET @keep";

    private bool _ready;

    /// <summary><c>traces.db</c> in the data directory, or the journal's PostgreSQL.</summary>
    public static TraceDatabase Open(DatabaseAddress address, DataDirectory directory, TraceLimits limits) => new(
        address switch
        {
            DatabaseAddress.PostgreSql postgreSql => NpgsqlDataSource.Create(postgreSql.ConnectionString),
            _ => SqliteFactory.Instance.CreateDataSource(new SqliteConnectionStringBuilder { DataSource = directory["traces.db"], DefaultTimeout = 10 }.ToString()),
        },
        limits);

    /// <summary>Inserts what the budgets allow, counts the rest, and takes the oldest traces away.</summary>
    /// <returns>How many spans were dropped.</returns>
    public async Task<int> WriteAsync(IReadOnlyCollection<SpanRow> rows, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var dropped = 0;
        foreach (var trace in rows.GroupBy(row => row.TraceId, StringComparer.Ordinal))
        {
            var before = await connection.ExecuteScalarAsync<long>(Command("SELECT COALESCE(MAX(spans), 0) FROM traces WHERE trace_id = @id", new { id = trace.Key }));
            var (kept, over) = (0, 0);
            foreach (var row in trace)
            {
                if (before + kept < (row.IsSkeleton ? 2 : 1) * limits.SpansPerTrace)
                {
                    kept += await connection.ExecuteAsync(Command(Insert, row));
                }
                else
                {
                    over++;
                }
            }

            await connection.ExecuteAsync(Command(Count, new { id = trace.Key, seen = now.ToUnixTimeMilliseconds(), spans = kept, dropped = over }));
            dropped += over;
        }

        foreach (var id in await connection.QueryAsync<string>(Command(Oldest, new { keep = limits.Traces })))
        {
            await connection.ExecuteAsync(Command("DELETE FROM trace_spans WHERE trace_id = @id", new { id }));
            await connection.ExecuteAsync(Command("DELETE FROM traces WHERE trace_id = @id", new { id }));
        }

        await transaction.CommitAsync(cancellationToken);
        return dropped;

        CommandDefinition Command(string text, object parameters) => new(text, parameters, transaction, cancellationToken: cancellationToken);
    }

    /// <summary>By start.</summary>
    public async Task<IReadOnlyList<SpanRow>> ReadAsync(string traceId, CancellationToken cancellationToken)
    {
        const string Select = "SELECT trace_id, span_id, parent, name, service, process_id, start_nano, end_nano, attributes FROM trace_spans WHERE trace_id = @id ORDER BY start_nano, span_id";
        await using var connection = await OpenAsync(cancellationToken);
        await using var reader = await connection.ExecuteReaderAsync(new CommandDefinition(Select, new { id = traceId }, cancellationToken: cancellationToken));
        var rows = new List<SpanRow>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new SpanRow(
                reader.GetString(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4), reader.GetInt32(5),
                reader.GetInt64(6), reader.GetInt64(7), reader.GetString(8)));
        }

        return rows;
    }

    /// <summary>Spans of this trace that found no room.</summary>
    public async Task<long> DroppedAsync(string traceId, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            "SELECT COALESCE(MAX(dropped), 0) FROM traces WHERE trace_id = @id", new { id = traceId }, cancellationToken: cancellationToken));
    }

    public ValueTask DisposeAsync() => source.DisposeAsync();

    private async Task<DbConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken);
        if (connection is SqliteConnection)
        {
            // A power cut may take the last spans with it; nothing depends on them.
            await connection.ExecuteAsync("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;");
        }

        if (!_ready)
        {
            await connection.ExecuteAsync(new CommandDefinition(Schema, cancellationToken: cancellationToken));
            _ready = true;
        }

        return connection;
    }
}

/// <param name="SpansPerTrace">Beyond it only the skeleton is kept (<see cref="SpanRow.IsSkeleton"/>), up to twice as many.</param>
/// <param name="Traces">Those that got a span last are kept.</param>
/// <param name="Waiting">Spans that may wait to be written; more are dropped and counted.</param>
internal sealed record TraceLimits(int SpansPerTrace = 20_000, int Traces = 2_000, int Waiting = 65_536);
