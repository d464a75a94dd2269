using System.Text;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Testing;

namespace Orchestrator.Coordinator.Tests.Journal;

/// <summary>What every journal must do. A subclass says which engine.</summary>
public abstract class JournalConformance : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly StreamId Sweep = new("sweep", "s-1");

    private readonly List<SqlJournal> opened = [];

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    protected SqlJournal Journal { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await PrepareAsync();
        Journal = OpenAnother();
    }

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var journal in opened)
        {
            await journal.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Appended_events_are_read_in_order_with_everything_they_carry()
    {
        var version = await Journal.AppendAsync(Sweep, 0, [Event("a", """{"x":1}""", "00-1-2-01"), Event("b", "{}")], Token);

        Assert.Equal(2, version);
        var rows = await Journal.ReadStreamAsync(Sweep, 0, Token).ToListAsync(Token);
        Assert.Equal([("a", 1L, "00-1-2-01"), ("b", 2L, null)], rows.Select(row => (row.Type, row.Version, row.TraceParent)));
        Assert.Equal("""{"x":1}""", Encoding.UTF8.GetString(rows[0].Data.Span));
        Assert.All(rows, row => Assert.Equal(Sweep, row.Stream));
        Assert.True(rows[0].Position > 0 && rows[1].Position > rows[0].Position);
        Assert.NotEqual(default, rows[0].At);
        Assert.Equal(["b"], (await Journal.ReadStreamAsync(Sweep, 1, Token).ToListAsync(Token)).Select(row => row.Type));
    }

    [Fact]
    public async Task An_append_at_another_version_is_refused_and_leaves_nothing()
    {
        await Journal.AppendAsync(Sweep, 0, [Event("a")], Token);

        var stale = await Assert.ThrowsAsync<StreamConflictException>(() => Journal.AppendAsync(Sweep, 0, [Event("b")], Token));
        var ahead = await Assert.ThrowsAsync<StreamConflictException>(() => Journal.AppendAsync(Sweep, 5, [Event("b"), Event("c")], Token));
        var absent = await Assert.ThrowsAsync<StreamConflictException>(() => Journal.AppendAsync(new StreamId("run", "none"), 3, [Event("b")], Token));

        Assert.Equal([1L, 1L, 0L], [stale.Actual, ahead.Actual, absent.Actual]);
        Assert.Single(await Journal.ReadAllAsync(0, Token).ToListAsync(Token));
    }

    [Fact]
    public async Task Of_many_who_append_at_one_version_one_wins()
    {
        var another = OpenAnother();
        var attempts = Enumerable.Range(0, 40).Select(async number =>
        {
            try
            {
                await (number % 2 == 0 ? Journal : another).AppendAsync(Sweep, 0, [Event($"e{number}")], Token);
                return true;
            }
            catch (StreamConflictException)
            {
                return false;
            }
        });

        Assert.Equal(1, (await Task.WhenAll(attempts)).Count(won => won));
        Assert.Single(await Journal.ReadStreamAsync(Sweep, 0, Token).ToListAsync(Token));
    }

    [Fact]
    public async Task A_reader_that_follows_two_writers_sees_every_event_once_and_in_order()
    {
        const int Streams = 40;
        const int Each = 10;
        var another = OpenAnother();
        var reader = OpenAnother();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var seen = Task.Run(() => reader.FollowAsync(0, end.Token).Take(Streams * Each).ToListAsync(end.Token).AsTask(), Token);

        await Task.WhenAll(Enumerable.Range(0, Streams).Select(async number =>
        {
            for (var version = 0; version < Each; version++)
            {
                await (number % 2 == 0 ? Journal : another).AppendAsync(new StreamId("run", $"r{number}"), version, [Event("e")], Token);
            }
        }));

        var rows = await seen.WaitAsync(Patience, Token);
        Assert.Equal(rows.OrderBy(row => row.Position).Select(row => row.Position), rows.Select(row => row.Position));
        Assert.Equal(Streams * Each, rows.Select(row => row.Position).Distinct().Count());
        Assert.All(rows.GroupBy(row => row.Stream), stream => Assert.Equal(Enumerable.Range(1, Each).Select(v => (long)v), stream.Select(row => row.Version)));
    }

    [Fact]
    public async Task Following_wakes_at_an_append_of_the_same_process_without_a_poll()
    {
        var journal = OpenAnother(options => options with { PollInterval = TimeSpan.FromHours(1) });
        await using var follower = journal.FollowAsync(0, Token).GetAsyncEnumerator(Token);
        var next = follower.MoveNextAsync().AsTask();

        await journal.AppendAsync(Sweep, 0, [Event("late")], Token);

        Assert.True(await next.WaitAsync(Patience, Token));
        Assert.Equal("late", follower.Current.Type);
    }

    [Fact]
    public async Task Following_ends_with_its_token()
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Token);
        await using var follower = Journal.FollowAsync(0, end.Token).GetAsyncEnumerator(end.Token);
        var next = follower.MoveNextAsync().AsTask();

        await end.CancelAsync();

        await Task.WhenAny(next, Task.Delay(Patience, Token));
        Assert.True(next.IsCanceled || (next.IsCompletedSuccessfully && !await next));
    }

    [Fact]
    public async Task Long_streams_are_read_page_by_page()
    {
        await Journal.AppendAsync(Sweep, 0, [.. Enumerable.Range(0, 2500).Select(number => Event($"e{number}"))], Token);

        var expected = Enumerable.Range(0, 2500).Select(number => $"e{number}").ToList();
        Assert.Equal(expected, (await Journal.ReadStreamAsync(Sweep, 0, Token).ToListAsync(Token)).Select(row => row.Type));
        Assert.Equal(expected, (await Journal.ReadAllAsync(0, Token).ToListAsync(Token)).Select(row => row.Type));
    }

    [Fact]
    public async Task A_category_is_read_stream_after_stream_without_the_others_and_what_was_deleted()
    {
        for (var version = 0; version < 3; version++)
        {
            foreach (var run in (string[])["r-1", "r-2", "gone"])
            {
                await Journal.AppendAsync(new StreamId("run", run), version * 600, [.. Enumerable.Range(0, 600).Select(number => Event($"{run} {number}"))], Token);
            }

            await Journal.AppendAsync(Sweep, version, [Event("of a sweep")], Token);
        }

        await Journal.DeleteStreamAsync(new StreamId("run", "gone"), Token);
        var rows = await Journal.ReadCategoryAsync("run", Token).ToListAsync(Token);
        Assert.Equal(
            new[] { "r-1", "r-2" }.SelectMany(run => Enumerable.Range(1, 1800).Select(version => (new StreamId("run", run), (long)version, $"{run} {(version - 1) % 600}"))),
            rows.Select(row => (row.Stream, row.Version, row.Type)));
    }

    [Fact]
    public async Task What_was_deleted_stays_deleted()
    {
        var run = new StreamId("run", "r-1");
        await Journal.AppendAsync(run, 0, [Event("a")], Token);
        await Journal.AppendAsync(new StreamId("run", "r-2"), 0, [Event("kept")], Token);
        await Journal.WriteSnapshotAsync(run, new Snapshot(1, "x", "{}"u8.ToArray()), Token);
        await Journal.WriteMetricsAsync([new MetricRow("r-1", 1, 1, "loss", 0.5)], Token);

        await Journal.DeleteStreamAsync(run, Token);
        await Journal.WriteSnapshotAsync(run, new Snapshot(1, "x", "{}"u8.ToArray()), Token);
        await Journal.WriteMetricsAsync([new MetricRow("r-1", 2, 1, "loss", 0.5)], Token);

        Assert.Equal(["r-2"], await Journal.ListStreamsAsync("run", Token));
        Assert.Equal(["kept"], (await Journal.ReadAllAsync(0, Token).ToListAsync(Token)).Select(row => row.Type));
        Assert.Null(await Journal.ReadSnapshotAsync(run, Token));
        Assert.Empty(await Journal.ReadMetricsAsync("r-1", Token).ToListAsync(Token));
        foreach (var version in (long[])[0, 1])
        {
            var refused = await Assert.ThrowsAsync<JournalException>(() => Journal.AppendAsync(run, version, [Event("again")], Token));
            Assert.Equal("deleted-stream", refused.Code);
        }
    }

    [Fact]
    public async Task Positions_are_never_given_twice()
    {
        await Journal.AppendAsync(Sweep, 0, [Event("a"), Event("b")], Token);
        var last = (await Journal.ReadAllAsync(0, Token).ToListAsync(Token))[^1].Position;
        await Journal.DeleteStreamAsync(Sweep, Token);

        await Journal.AppendAsync(new StreamId("sweep", "s-2"), 0, [Event("c")], Token);

        Assert.True((await Journal.ReadAllAsync(0, Token).ToListAsync(Token)).Single().Position > last);
    }

    [Fact]
    public async Task Snapshots_and_cursors_keep_the_newest()
    {
        await Journal.AppendAsync(Sweep, 0, [Event("a")], Token);
        Assert.Null(await Journal.ReadSnapshotAsync(Sweep, Token));
        Assert.Equal(0, await Journal.ReadCursorAsync("outbox", Token));

        await Journal.WriteSnapshotAsync(Sweep, new Snapshot(7, "new", "{\"n\":7}"u8.ToArray()), Token);
        await Journal.WriteSnapshotAsync(Sweep, new Snapshot(3, "old", "{}"u8.ToArray()), Token);
        await Journal.WriteCursorAsync("outbox", 5, Token);
        await Journal.WriteCursorAsync("outbox", 9, Token);

        var snapshot = await Journal.ReadSnapshotAsync(Sweep, Token);
        Assert.Equal((7, "new", "{\"n\":7}"), (snapshot!.Version, snapshot.Schema, Encoding.UTF8.GetString(snapshot.Data.Span)));
        Assert.Equal(9, await Journal.ReadCursorAsync("outbox", Token));
    }

    [Fact]
    public async Task A_lease_is_held_by_one_and_each_new_owner_gets_a_greater_token()
    {
        var first = await Journal.TryLeaseAsync("leader", "a", TimeSpan.FromMinutes(1), Token);
        Assert.NotNull(first);
        Assert.Null(await Journal.TryLeaseAsync("leader", "b", TimeSpan.FromMinutes(1), Token));

        // Taken anew it lasts as long as it says now.
        Assert.Equal(first.Token, (await Journal.TryLeaseAsync("leader", "a", TimeSpan.FromMilliseconds(500), Token))!.Token);

        Lease? second = null;
        await Eventually.TrueAsync(
            async () =>
            {
                PassTime(TimeSpan.FromMilliseconds(100));
                second = await Journal.TryLeaseAsync("leader", "b", TimeSpan.FromMinutes(1), Token);
                return second is not null;
            },
            Patience);

        Assert.True(second!.Token > first.Token);
        Assert.Null(await Journal.TryLeaseAsync("leader", "a", TimeSpan.FromMinutes(1), Token));
        Assert.NotNull(await Journal.TryLeaseAsync("another", "a", TimeSpan.FromMinutes(1), Token));
    }

    [Fact]
    public async Task A_released_lease_is_free_and_an_outdated_release_frees_nothing()
    {
        var first = await Journal.TryLeaseAsync("leader", "a", TimeSpan.FromMinutes(1), Token);
        await Journal.ReleaseLeaseAsync(first!, Token);
        var second = await Journal.TryLeaseAsync("leader", "b", TimeSpan.FromMinutes(1), Token);
        Assert.True(second!.Token > first!.Token);

        await Journal.ReleaseLeaseAsync(first, Token);
        await Journal.ReleaseLeaseAsync(second with { Token = first.Token }, Token);

        Assert.Null(await Journal.TryLeaseAsync("leader", "c", TimeSpan.FromMinutes(1), Token));
    }

    [Fact]
    public async Task Of_many_who_ask_for_a_lease_one_gets_it()
    {
        var another = OpenAnother();
        var asked = Enumerable.Range(0, 20).Select(n => (n % 2 == 0 ? Journal : another).TryLeaseAsync("leader", $"owner{n}", TimeSpan.FromMinutes(1), Token));
        Assert.Single(await Task.WhenAll(asked), lease => lease is not null);
    }

    [Fact]
    public async Task A_metric_written_twice_is_one_row_and_the_later_value_stands()
    {
        await Journal.WriteMetricsAsync([new("r", 2, 1, "loss", 0.25), new("r", 1, 1, "loss", 1), new("r", 1, 1, "loss", 0.5), new("other", 1, 1, "loss", 9)], Token);
        await Journal.WriteMetricsAsync([new("r", 2, 1, "loss", 0.125), new("r", 2, 1, "accuracy", double.NaN), new("r", 3, 2, "loss", double.PositiveInfinity)], Token);

        Assert.Equal(
            [new("r", 1, 1, "loss", 0.5), new("r", 2, 1, "accuracy", double.NaN), new("r", 2, 1, "loss", 0.125), new("r", 3, 2, "loss", double.PositiveInfinity)],
            await Journal.ReadMetricsAsync("r", Token).ToListAsync(Token));
    }

    [Fact]
    public async Task Many_metrics_are_read_page_by_page()
    {
        var rows = Enumerable.Range(0, 1300).SelectMany(step => (MetricRow[])[new("r", step, 1, "a", step), new("r", step, 1, "b", -step)]).ToList();
        await Journal.WriteMetricsAsync(rows, Token);
        Assert.Equal(rows, await Journal.ReadMetricsAsync("r", Token).ToListAsync(Token));
    }

    [Fact]
    public async Task Everything_is_there_when_it_is_opened_again()
    {
        await Journal.AppendAsync(Sweep, 0, [Event("a")], Token);
        await Journal.WriteCursorAsync("outbox", 4, Token);
        await Journal.DisposeAsync();

        var again = OpenAnother();

        Assert.Equal(["a"], (await again.ReadStreamAsync(Sweep, 0, Token).ToListAsync(Token)).Select(row => row.Type));
        Assert.Equal(4, await again.ReadCursorAsync("outbox", Token));
        Assert.Equal(2, await again.AppendAsync(Sweep, 1, [Event("b")], Token));
    }

    [Fact]
    public async Task A_closed_journal_says_so()
    {
        await Journal.DisposeAsync();
        var refused = await Assert.ThrowsAsync<JournalException>(() => Journal.AppendAsync(Sweep, 0, [Event("a")], Token));
        Assert.Equal("journal-closed", refused.Code);
    }

    protected static NewEvent Event(string type, string json = "{}", string? trace = null) => new(type, Encoding.UTF8.GetBytes(json), trace);

    protected abstract ValueTask PrepareAsync();

    protected abstract JournalOptions Options { get; }

    /// <summary>Lets the clock that leases are measured by go on.</summary>
    protected abstract void PassTime(TimeSpan time);

    protected abstract TimeProvider Time { get; }

    /// <summary>Another process on the same database, so to speak.</summary>
    protected SqlJournal OpenAnother(Func<JournalOptions, JournalOptions>? change = null)
    {
        var journal = JournalSetup.Open(change is null ? Options : change(Options), Time);
        opened.Add(journal);
        return journal;
    }
}
