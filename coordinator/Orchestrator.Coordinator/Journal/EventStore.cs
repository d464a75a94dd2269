using System.Diagnostics;
using System.Numerics;
using System.Text.Json;
using System.Threading.Channels;

namespace Orchestrator.Coordinator.Journal;

/// <summary>A state and the version of the stream that it is the fold of; 0 where the stream does not exist.</summary>
public sealed record Versioned<TState>(long Version, TState State);

/// <summary>How one category's streams are kept in memory and shortened.</summary>
public sealed record EventStoreOptions<TState>
{
    /// <summary>
    /// A snapshot is written whenever a stream passes a multiple of this many events, and less often where it is long: a state that grows with its stream would
    /// else cost its square. 0 for never.
    /// </summary>
    public int SnapshotEvery { get; init; } = 500;

    /// <summary>Raise it when <c>Apply</c> changes its meaning though the state's shape stays: older snapshots are then ignored.</summary>
    public int SnapshotVersion { get; init; } = 1;

    /// <summary>Which states nothing more will happen to. The others stay in memory; by default every state may be dropped.</summary>
    public Func<TState, bool> HasEnded { get; init; } = static _ => true;

    /// <summary>How many ended states stay in memory, the ones that ended last.</summary>
    public int EndedInMemory { get; init; } = 1024;
}

/// <summary>
/// The streams of one category as states: load, decide, append, apply. Decisions on one stream are made one after the other; the journal's version check
/// is what keeps other processes out.
/// </summary>
/// <typeparam name="TEvent">A closed family: an abstract record with its cases nested in it. A case's name is its type in the journal, for ever.</typeparam>
/// <param name="category">sweep, run or worker</param>
/// <param name="initial">The state of a stream without events.</param>
/// <param name="apply">Pure: state and event to state.</param>
public sealed class EventStore<TState, TEvent>(
    string category, TState initial, Func<TState, TEvent, TState> apply, IJournal journal, EventStoreOptions<TState>? options = null)
    where TEvent : class
{
    private const int MostAttempts = 32;

    private static readonly Dictionary<string, Type> Cases = JournalJson.CasesOf(typeof(TEvent)).ToDictionary(type => type.Name);

    private readonly EventStoreOptions<TState> options = options ?? new EventStoreOptions<TState>();
    private readonly StateCache<TState> cache = new(options ?? new EventStoreOptions<TState>());
    private readonly SemaphoreSlim[] turns = [.. Enumerable.Range(0, 256).Select(_ => new SemaphoreSlim(1, 1))];
    private string? schema;

    /// <summary>sweep, run or worker</summary>
    public string Category => category;

    private string Schema => schema ??= $"{StateShape.Of(typeof(TState))}-{this.options.SnapshotVersion}";

    /// <summary>The state as it stands in the journal now; version 0 and the initial state where there is no such stream.</summary>
    public async Task<Versioned<TState>> LoadAsync(string id, CancellationToken cancellationToken)
    {
        var turn = TurnOf(id);
        await turn.WaitAsync(cancellationToken);
        try
        {
            return await CatchUpAsync(id, cache.Find(id), cancellationToken);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>Every stream's state, by one pass over the journal; before anybody else uses the store.</summary>
    /// <param name="found">Called from several threads.</param>
    public async Task LoadAllAsync(Action<string, Versioned<TState>> found, CancellationToken cancellationToken)
    {
        var streams = Channel.CreateBounded<List<JournalEvent>>(new BoundedChannelOptions(256) { SingleWriter = true });
        var folding = Enumerable.Range(0, Math.Max(1, Environment.ProcessorCount)).Select(_ => Task.Run(FoldAsync, cancellationToken)).ToArray();
        try
        {
            var rows = new List<JournalEvent>();
            await foreach (var row in journal.ReadCategoryAsync(category, cancellationToken))
            {
                if (rows.Count > 0 && rows[^1].Stream != row.Stream)
                {
                    await streams.Writer.WriteAsync(rows, cancellationToken);
                    rows = [];
                }

                rows.Add(row);
            }

            if (rows.Count > 0)
            {
                await streams.Writer.WriteAsync(rows, cancellationToken);
            }
        }
        finally
        {
            streams.Writer.TryComplete();
            await Task.WhenAll(folding);
        }

        async Task FoldAsync()
        {
            try
            {
                await foreach (var rows in streams.Reader.ReadAllAsync(cancellationToken))
                {
                    var state = new Versioned<TState>(rows[^1].Version, rows.Aggregate(initial, (state, row) => apply(state, Read(row))));
                    cache.Keep(rows[0].Stream.Id, state);
                    found(rows[0].Stream.Id, state);
                }
            }
            catch (Exception exception)
            {
                // The reader must not wait for somebody who takes nothing any more.
                streams.Writer.TryComplete(exception);
                throw;
            }
        }
    }

    /// <summary>Appends what <paramref name="decide"/> returns and gives the state after it. No events, no append.</summary>
    /// <param name="decide">Pure; called again with a newer state where somebody else appended in between. What it throws reaches the caller.</param>
    /// <exception cref="JournalException">The journal cannot be written; whether the events stand is not known, and the next call finds out.</exception>
    public async Task<Versioned<TState>> ExecuteAsync(string id, Func<TState, IReadOnlyList<TEvent>> decide, CancellationToken cancellationToken)
    {
        var turn = TurnOf(id);
        await turn.WaitAsync(cancellationToken);
        try
        {
            var remembered = cache.Find(id);
            var current = remembered ?? await CatchUpAsync(id, null, cancellationToken);
            for (var attempt = 1; ; attempt++)
            {
                var events = decide(current.State);
                if (events.Count == 0)
                {
                    // An append proves that the remembered state is the newest; without one, ask.
                    var newest = attempt == 1 && remembered is not null ? await CatchUpAsync(id, current, cancellationToken) : current;
                    if (newest.Version == current.Version)
                    {
                        return current;
                    }

                    current = newest;
                    continue;
                }

                try
                {
                    return await AppendAsync(id, current, events, cancellationToken);
                }
                catch (StreamConflictException) when (attempt < MostAttempts)
                {
                    current = await CatchUpAsync(id, current, cancellationToken);
                }
            }
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>Takes the stream away for ever.</summary>
    public async Task DeleteAsync(string id, CancellationToken cancellationToken)
    {
        var turn = TurnOf(id);
        await turn.WaitAsync(cancellationToken);
        try
        {
            await journal.DeleteStreamAsync(new StreamId(category, id), cancellationToken);
            cache.Remove(id);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>The event of a journal row of this category, for readers of <see cref="IJournal.FollowAsync"/>.</summary>
    /// <exception cref="JournalException">journal-newer: a type that this version of the program does not know.</exception>
    public static TEvent Read(JournalEvent row)
    {
        if (!Cases.TryGetValue(row.Type, out var type))
        {
            throw new JournalException(
                "journal-newer",
                $"Stream {row.Stream} holds an event '{row.Type}' that this version does not know.",
                "Use the version that wrote it, or a newer one.");
        }

        return (TEvent)JsonSerializer.Deserialize(row.Data.Span, type, JournalJson.Options)!;
    }

    private SemaphoreSlim TurnOf(string id) => turns[(uint)string.GetHashCode(id, StringComparison.Ordinal) % (uint)turns.Length];

    private async Task<Versioned<TState>> AppendAsync(
        string id, Versioned<TState> current, IReadOnlyList<TEvent> events, CancellationToken cancellationToken)
    {
        var rows = events
            .Select(item => new NewEvent(
                item.GetType().Name, JsonSerializer.SerializeToUtf8Bytes(item, item.GetType(), JournalJson.Options), Activity.Current?.Id))
            .ToArray();
        Debug.Assert(Array.TrueForAll(rows, row => Cases.ContainsKey(row.Type)), "An event is a case of its family.");
        var version = await journal.AppendAsync(new StreamId(category, id), current.Version, rows, cancellationToken);
        var next = new Versioned<TState>(version, events.Aggregate(current.State, apply));
        cache.Keep(id, next);
        await SnapshotAsync(id, current.Version, next, cancellationToken);
        return next;
    }

    private async Task<Versioned<TState>> CatchUpAsync(string id, Versioned<TState>? known, CancellationToken cancellationToken)
    {
        var stream = new StreamId(category, id);
        var start = known ?? await ReadSnapshotAsync(stream, cancellationToken) ?? new Versioned<TState>(0, initial);
        var (version, state) = (start.Version, start.State);
        await foreach (var row in journal.ReadStreamAsync(stream, version, cancellationToken))
        {
            state = apply(state, Read(row));
            version = row.Version;
        }

        if (known is not null && version == known.Version)
        {
            return known;
        }

        var newest = new Versioned<TState>(version, state);
        if (version > 0)
        {
            cache.Keep(id, newest);
        }

        return newest;
    }

    private async Task<Versioned<TState>?> ReadSnapshotAsync(StreamId stream, CancellationToken cancellationToken)
    {
        if (options.SnapshotEvery == 0
            || await journal.ReadSnapshotAsync(stream, cancellationToken) is not { } snapshot
            || !string.Equals(snapshot.Schema, Schema, StringComparison.Ordinal))
        {
            return null;
        }

        return new Versioned<TState>(snapshot.Version, JsonSerializer.Deserialize<TState>(snapshot.Data.Span, JournalJson.Options)!);
    }

    /// <summary>From eight steps on, doubling with the stream: an eighth to a quarter of it is replayed at most.</summary>
    private long StepAt(long version) => (long)options.SnapshotEvery << Math.Max(0, 61 - BitOperations.LeadingZeroCount((ulong)(version / options.SnapshotEvery)));

    private async Task SnapshotAsync(string id, long before, Versioned<TState> now, CancellationToken cancellationToken)
    {
        if (options.SnapshotEvery == 0 || before / StepAt(now.Version) == now.Version / StepAt(now.Version))
        {
            return;
        }

        // By way of a stream: otherwise the serializer borrows a buffer as large as the whole state, and the pool keeps it for good.
        using var state = new MemoryStream();
        JsonSerializer.Serialize(state, now.State, JournalJson.Options);
        try
        {
            await journal.WriteSnapshotAsync(new StreamId(category, id), new Snapshot(now.Version, Schema, state.ToArray()), cancellationToken);
        }
        catch (Exception exception) when (exception is JournalException or OperationCanceledException)
        {
            // Only a shortcut, and the events stand: the caller must hear of their success.
        }
    }
}
