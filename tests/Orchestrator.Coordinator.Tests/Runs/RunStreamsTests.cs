using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Coordinator.Runs;
using Orchestrator.Specs;
using Orchestrator.Testing;

namespace Orchestrator.Coordinator.Tests.Runs;

/// <summary>What runs decide when the journal answers badly.</summary>
public sealed class RunStreamsTests : IAsyncDisposable
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly TemporaryFolder folder = new();
    private readonly SqlJournal disk;
    private readonly ForgetfulJournal journal;
    private readonly RunTable table = new();
    private readonly RunStreams streams;
    private readonly List<RunEvent> happened = [];

    public RunStreamsTests()
    {
        disk = JournalSetup.Open(new JournalOptions { Database = folder["journal.db"] }, TimeProvider.System);
        journal = new ForgetfulJournal(disk);
        streams = new RunStreams(new EventStore<RunState, RunEvent>("run", RunState.Initial, RunEvolution.Apply, journal), table, journal)
        {
            Happened = (before, happening, after) =>
            {
                Assert.Equal(after.Phase, RunEvolution.Apply(before, happening).Phase);
                happened.Add(happening);
            },
        };
    }

    public async ValueTask DisposeAsync()
    {
        await disk.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task What_stands_though_the_answer_was_lost_happens_with_the_next_command()
    {
        await RequestAsync();
        journal.Next = ForgetfulJournal.Fault.After;
        await Assert.ThrowsAsync<JournalException>(ProposeAsync);
        Assert.Equal(RunPhase.Waiting, table.Find("r")!.Phase);

        // Tried again, as whoever gets an error does: it stands already, and its effects come now.
        Assert.Equal(RunPhase.Forming, (await ProposeAsync()).Phase);
        Assert.Equal(["RunRequested", "GenerationProposed"], happened.Select(each => each.GetType().Name));
        Assert.Equal((RunPhase.Forming, 2L), (table.Find("r")!.Phase, table.VersionOf("r")));
    }

    [Fact]
    public async Task Who_reads_the_journal_sees_to_it_too()
    {
        await RequestAsync();
        journal.Next = ForgetfulJournal.Fault.After;
        await Assert.ThrowsAsync<JournalException>(ProposeAsync);
        Assert.Equal(RunPhase.Forming, (await streams.SeeAsync("r", 2)).Phase);
        Assert.Equal(2, happened.Count);
    }

    [Fact]
    public async Task After_one_that_could_not_be_written_nothing_of_its_order_counts()
    {
        await RequestAsync();
        await ProposeAsync();
        await streams.ExecuteAsync("r", new RunCommand.Ready(1, 0, "host:1", 1, "probe", "cpu", At));
        var order = new CommandOrder();
        journal.Next = ForgetfulJournal.Fault.Before;
        await Assert.ThrowsAsync<JournalException>(() => EpochAsync(1, order));
        await Assert.ThrowsAsync<JournalException>(() => EpochAsync(1, order));
        await Assert.ThrowsAsync<JournalException>(() => streams.ExecuteAsync("r", Failed(), order));
        Assert.Equal((RunPhase.Working, 0), (table.Find("r")!.Phase, table.Find("r")!.Epoch));

        var again = new CommandOrder();
        await EpochAsync(1, again);
        Assert.Equal(1, (await EpochAsync(1, again)).Epoch);
        Assert.Equal(RunPhase.Waiting, (await streams.ExecuteAsync("r", Failed(), again)).Phase);
    }

    [Fact]
    public async Task Commands_for_one_run_take_effect_in_their_order_and_share_appends()
    {
        await RequestAsync();
        await ProposeAsync();
        await streams.ExecuteAsync("r", new RunCommand.Ready(1, 0, "host:1", 1, "probe", "cpu", At));
        var order = new CommandOrder();
        await Task.WhenAll(Enumerable.Range(1, 200).Select(epoch => EpochAsync(epoch, order)));
        Assert.Equal(Enumerable.Range(1, 200), table.Find("r")!.History.Select(epoch => epoch.Epoch));
        Assert.Equal(Enumerable.Range(1, 200), happened.OfType<RunEvent.EpochFinished>().Select(each => each.Epoch));
    }

    private static RunCommand Failed() => new RunCommand.Fail(1, 0, FailureKind.Lost, "why", "", -1, 0, At);

    private Task<RunState> RequestAsync()
    {
        var plan = new RunPlan("r", 1, 1, 1, 500, 0, new Retention(1, 1, "val_loss", false), new FailureBudgets());
        return streams.ExecuteAsync("r", new RunCommand.Request("r", plan, "{}", "sha", null, "", "", At));
    }

    private Task<RunState> ProposeAsync() => streams.ExecuteAsync("r", new RunCommand.Propose([new SlotId("a", 0)], "8899aabbccddeeff", At));

    private Task<RunState> EpochAsync(int epoch, CommandOrder order) => streams.ExecuteAsync(
        "r", new RunCommand.FinishEpoch(1, 0, epoch, epoch, new Dictionary<string, double>(), 1, 1, "", At), order);
}
