using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using CsCheck;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Testing;

namespace Orchestrator.Coordinator.Tests.Journal;

public readonly record struct AccountNumber(int Value);

public enum Mood
{
    Calm,
    VeryBusy,
}

public abstract record Purpose
{
    public sealed record Savings(double Rate) : Purpose;

    public sealed record Gift(string To) : Purpose;
}

public abstract record BankEvent
{
    public sealed record Opened(AccountNumber Account, Purpose Purpose, Mood Mood) : BankEvent;

    public sealed record Paid(AccountNumber Account, double Amount) : BankEvent;

    public sealed record Closed : BankEvent;
}

public sealed record Bank(ImmutableSortedDictionary<int, double> Amounts, Purpose? Purpose, Mood Mood, bool IsClosed, ImmutableArray<AccountNumber> Order)
{
    public static Bank Empty { get; } = new(ImmutableSortedDictionary<int, double>.Empty, null, Mood.Calm, false, []);

    public static Bank Apply(Bank state, BankEvent happened) => happened switch
    {
        BankEvent.Opened opened => state with { Purpose = opened.Purpose, Mood = opened.Mood, Order = state.Order.Add(opened.Account) },
        BankEvent.Paid paid => state with
        {
            Amounts = state.Amounts.SetItem(paid.Account.Value, state.Amounts.GetValueOrDefault(paid.Account.Value) + paid.Amount),
        },
        BankEvent.Closed => state with { IsClosed = true },
        _ => throw new UnreachableException(),
    };
}

public sealed class EventStoreTests : IAsyncDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly SqlJournal journal;

    public EventStoreTests() => journal = JournalSetup.Open(new JournalOptions { Database = folder["journal.db"] }, TimeProvider.System);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await journal.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task A_stream_that_does_not_exist_is_the_initial_state_at_version_0() =>
        Assert.Equal(new Versioned<Bank>(0, Bank.Empty), await Store().LoadAsync("b", Token));

    [Fact]
    public async Task Events_and_states_survive_being_written_and_read()
    {
        var opened = new BankEvent.Opened(new AccountNumber(3), new Purpose.Savings(double.NaN), Mood.VeryBusy);
        var state = await Store().ExecuteAsync("b", _ => [opened, Pay(3, 2.5)], Token);

        var again = await Store().LoadAsync("b", Token);
        Assert.Equal(2, again.Version);
        Assert.Equal((state.State.Purpose, state.State.Mood), (again.State.Purpose, again.State.Mood));
        var rows = await journal.ReadStreamAsync(new StreamId("bank", "b"), 0, Token).ToListAsync(Token);
        Assert.Equal(["Opened", "Paid"], rows.Select(row => row.Type));
        Assert.Equal(
            """{"account":3,"purpose":{"$type":"Savings","rate":"NaN"},"mood":"veryBusy"}""", Encoding.UTF8.GetString(rows[0].Data.Span));
        Assert.Equal(opened, EventStore<Bank, BankEvent>.Read(rows[0]));
    }

    [Fact]
    public async Task All_streams_at_once_are_what_each_of_them_is()
    {
        var writer = Store();
        for (var number = 0; number < 300; number++)
        {
            await writer.ExecuteAsync($"b{number}", _ => [.. Enumerable.Range(0, 1 + (number % 5)).Select(account => Pay(account, number))], Token);
        }

        var found = new ConcurrentDictionary<string, Versioned<Bank>>();
        await Store().LoadAllAsync((id, state) => Assert.True(found.TryAdd(id, state)), Token);

        Assert.Equal(300, found.Count);
        foreach (var (id, state) in found)
        {
            var one = await Store().LoadAsync(id, Token);
            Assert.Equal(one.Version, state.Version);
            Assert.Equal(one.State.Amounts, state.State.Amounts);
        }
    }

    [Fact]
    public async Task An_event_that_is_not_known_ends_the_load_of_all()
    {
        for (var number = 0; number < 2000; number++)
        {
            await journal.AppendAsync(new StreamId("bank", $"b{number}"), 0, [new NewEvent("Robbed", "{}"u8.ToArray())], Token);
        }

        Assert.Equal("journal-newer", (await Assert.ThrowsAsync<JournalException>(() => Store().LoadAllAsync((_, _) => { }, Token))).Code);
    }

    [Fact]
    public async Task No_events_append_nothing()
    {
        await Store().ExecuteAsync("b", _ => [], Token);
        Assert.Empty(await journal.ListStreamsAsync("bank", Token));
    }

    [Fact]
    public async Task Two_processes_that_decide_on_one_stream_both_decide_on_what_stands()
    {
        EventStore<Bank, BankEvent>[] stores = [Store(), Store()];
        await Task.WhenAll(Enumerable.Range(0, 30).Select(number =>
            stores[number % 2].ExecuteAsync("b", state => [Pay(state.Amounts.Count, 1)], Token)));

        var state = await stores[0].LoadAsync("b", Token);
        Assert.Equal(30, state.Version);
        Assert.Equal(Enumerable.Range(0, 30), state.State.Amounts.Keys);
    }

    [Fact]
    public async Task A_decision_for_nothing_is_made_on_the_newest_state_too()
    {
        var (here, there) = (Store(), Store());
        await here.ExecuteAsync("b", _ => [Pay(1, 1)], Token);
        await there.ExecuteAsync("b", _ => [Pay(2, 1)], Token);

        var state = await here.ExecuteAsync("b", bank => bank.Amounts.Count < 2 ? [] : [Pay(3, 1)], Token);

        Assert.Equal([1, 2, 3], state.State.Amounts.Keys);
    }

    [Fact]
    public async Task Events_carry_the_trace_that_they_happened_in()
    {
        using var activity = new Activity("test").SetIdFormat(ActivityIdFormat.W3C).Start();
        await Store().ExecuteAsync("b", _ => [Pay(1, 1)], Token);
        Assert.Equal(activity.Id, (await journal.ReadAllAsync(0, Token).ToListAsync(Token)).Single().TraceParent);
    }

    [Fact]
    public async Task What_a_decision_throws_reaches_the_caller_and_the_stream_goes_on()
    {
        var store = Store();
        await Assert.ThrowsAsync<InvalidOperationException>(() => store.ExecuteAsync("b", _ => throw new InvalidOperationException(), Token));
        Assert.Equal(1, (await store.ExecuteAsync("b", _ => [Pay(1, 1)], Token)).Version);
    }

    [Fact]
    public async Task A_deleted_stream_takes_no_more_events()
    {
        var store = Store();
        await store.ExecuteAsync("b", _ => [Pay(1, 1)], Token);
        await store.DeleteAsync("b", Token);

        Assert.Equal(0, (await store.LoadAsync("b", Token)).Version);
        var refused = await Assert.ThrowsAsync<JournalException>(() => store.ExecuteAsync("b", _ => [Pay(1, 1)], Token));
        Assert.Equal("deleted-stream", refused.Code);
    }

    [Fact]
    public async Task A_snapshot_shortens_the_replay_and_another_schema_ignores_it()
    {
        var store = Store(new EventStoreOptions<Bank> { SnapshotEvery = 10 });
        for (var number = 0; number < 25; number++)
        {
            await store.ExecuteAsync("b", _ => [Pay(number, 1)], Token);
        }

        var replayed = 0;
        Bank Count(Bank state, BankEvent happened)
        {
            replayed++;
            return Bank.Apply(state, happened);
        }

        var shortened = await new EventStore<Bank, BankEvent>("bank", Bank.Empty, Count, journal).LoadAsync("b", Token);
        Assert.Equal(5, replayed);
        replayed = 0;
        var options = new EventStoreOptions<Bank> { SnapshotVersion = 2 };
        var whole = await new EventStore<Bank, BankEvent>("bank", Bank.Empty, Count, journal, options).LoadAsync("b", Token);
        Assert.Equal(25, replayed);
        Assert.Equal(whole.State.Amounts, shortened.State.Amounts);
        Assert.Equal(25, shortened.Version);
    }

    [Fact]
    public async Task An_event_of_a_newer_version_is_not_skipped()
    {
        await journal.AppendAsync(new StreamId("bank", "b"), 0, [new NewEvent("Robbed", "{}"u8.ToArray())], Token);
        Assert.Equal("journal-newer", (await Assert.ThrowsAsync<JournalException>(() => Store().LoadAsync("b", Token))).Code);
    }

    [Fact]
    public void Ended_states_leave_memory_oldest_first_and_others_stay()
    {
        var cache = new StateCache<Bank>(new EventStoreOptions<Bank> { EndedInMemory = 2, HasEnded = bank => bank.IsClosed });
        var closed = new Versioned<Bank>(1, Bank.Empty with { IsClosed = true });
        cache.Keep("open", new Versioned<Bank>(1, Bank.Empty));
        foreach (var id in (string[])["a", "b", "a", "c"])
        {
            cache.Keep(id, closed);
        }

        Assert.Equal(["open", "a", "c"], ((string[])["open", "a", "b", "c"]).Where(id => cache.Find(id) is not null));
    }

    [Fact]
    public void The_shape_of_a_state_tells_types_apart()
    {
        Assert.NotEqual(StateShape.Of(typeof(Bank)), StateShape.Of(typeof(Purpose)));
        Assert.Equal(StateShape.Of(typeof(Bank)), StateShape.Of(typeof(Bank)));
        Assert.Equal(16, StateShape.Of(typeof(Bank)).Length);
    }

    [Fact]
    public void Whatever_is_decided_a_replay_gives_the_same_state() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 5], Gen.Double[-1e9, 1e9]).List[1, 30].Sample(
            (steps) =>
            {
                var id = Guid.NewGuid().ToString();
                var store = Store(new EventStoreOptions<Bank> { SnapshotEvery = 4, EndedInMemory = 1 });
                Versioned<Bank>? last = null;
                foreach (var (count, account, amount) in steps)
                {
                    last = store.ExecuteAsync(id, _ => [.. Enumerable.Range(0, count).Select(_ => Pay(account, amount))], Token).GetAwaiter().GetResult();
                }

                var replayed = Store(new EventStoreOptions<Bank> { SnapshotEvery = 0 }).LoadAsync(id, Token).GetAwaiter().GetResult();
                var shortened = Store(new EventStoreOptions<Bank> { SnapshotEvery = 4 }).LoadAsync(id, Token).GetAwaiter().GetResult();
                return last!.Version == replayed.Version && replayed.Version == shortened.Version
                    && last.State.Amounts.SequenceEqual(replayed.State.Amounts) && replayed.State.Amounts.SequenceEqual(shortened.State.Amounts);
            },
            iter: 20,
            threads: 1);

    private static BankEvent.Paid Pay(int account, double amount) => new(new AccountNumber(account), amount);

    private EventStore<Bank, BankEvent> Store(EventStoreOptions<Bank>? options = null) => new("bank", Bank.Empty, Bank.Apply, journal, options);
}
