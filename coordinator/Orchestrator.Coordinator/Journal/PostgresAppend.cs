using Npgsql;
using NpgsqlTypes;

namespace Orchestrator.Coordinator.Journal;

/// <summary>An append that waits for its group's commit.</summary>
internal sealed class PostgresAppend(StreamId stream, long expected, IReadOnlyList<NewEvent> events, DateTimeOffset at) : IPendingWrite
{
    // One statement moves the stream on and inserts the events; it touches no row where the stream is elsewhere.
    private const string Insert = """
        insert into events (stream, version, type, data, at, trace_parent)
        select stream.key, $3 + item.ordinality, item.type, item.data, $7, item.trace
        from stream, unnest($4, $5, $6) with ordinality as item (type, data, trace, ordinality)
        order by item.ordinality
        """;

    private const string Begin = $"""
        with stream as (
            insert into streams (category, id, version) values ($1, $2, $3 + array_length($4, 1)) on conflict (category, id) do nothing returning key)
        {Insert}
        """;

    private const string Continue = $"""
        with stream as (
            update streams set version = version + array_length($4, 1) where category = $1 and id = $2 and version = $3 and not deleted returning key)
        {Insert}
        """;

    private readonly TaskCompletionSource<long> done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public StreamId Stream => stream;

    public long Expected => expected;

    public Task<long> Done => done.Task;

    /// <summary>Known after the batch ran: what keeps this append out, or null where its events stand.</summary>
    public Exception? Refusal { get; set; }

    public NpgsqlBatchCommand Command() =>
        new(expected == 0 ? Begin : Continue)
        {
            Parameters =
            {
                new NpgsqlParameter<string> { TypedValue = stream.Category },
                new NpgsqlParameter<string> { TypedValue = stream.Id },
                new NpgsqlParameter<long> { TypedValue = expected },
                new NpgsqlParameter { Value = events.Select(item => item.Type).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
                new NpgsqlParameter { Value = events.Select(item => item.Data.ToArray()).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea },
                new NpgsqlParameter { Value = events.Select(item => item.TraceParent).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
                new NpgsqlParameter<DateTimeOffset> { TypedValue = at },
            },
        };

    public void Succeed()
    {
        if (Refusal is null)
        {
            done.TrySetResult(expected + events.Count);
        }
        else
        {
            done.TrySetException(Refusal);
        }
    }

    /// <inheritdoc/>
    public void Fail(Exception exception) => done.TrySetException(Refusal ?? exception);
}
