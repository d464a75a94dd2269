using System.Collections.Concurrent;
using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Journal;

namespace Orchestrator.Coordinator.Runs;

/// <summary>Decides, appends and then lets things happen, one batch after the other for each run.</summary>
internal sealed class RunStreams(EventStore<RunState, RunEvent> store, RunTable table, IJournal journal)
{
    private readonly ConcurrentDictionary<string, RunMailbox> mailboxes = new(StringComparer.Ordinal);

    /// <summary>Called once a batch's events stand in the journal, before its callers hear of it; in the order of the run's events.</summary>
    public Action<RunState, RunEvent, RunState> Happened { get; set; } = static (_, _, _) => { };

    /// <summary>The state once the command's events, if any, are durable. The command is in its place in the order when this returns.</summary>
    /// <exception cref="JournalException">The journal can't be written, or could not for an earlier command of the same order.</exception>
    public Task<RunState> ExecuteAsync(string run, RunCommand command, CommandOrder? order = null) => AddAsync(run, new PendingCommand(command, order));

    /// <summary>The state at this version of the stream or a later one, with what follows from its events done; for who reads the journal faster than its writer goes on.</summary>
    public async Task<RunState> SeeAsync(string run, long version)
    {
        var state = table.Find(run);
        return state is not null && table.VersionOf(run) >= version ? state : await AddAsync(run, new PendingCommand(null, null));
    }

    private Task<RunState> AddAsync(string run, PendingCommand pending)
    {
        while (true)
        {
            var mailbox = mailboxes.GetOrAdd(run, static _ => new RunMailbox());
            lock (mailbox)
            {
                // A mailbox that was emptied and taken away meanwhile must not get more.
                if (mailboxes.TryGetValue(run, out var present) && present == mailbox)
                {
                    if (mailbox.Add(pending))
                    {
                        _ = WorkAsync(run, mailbox);
                    }

                    return pending.Done.Task;
                }
            }
        }
    }

    /// <summary>Fills the table from the journal; before the first command.</summary>
    public Task LoadAllAsync(CancellationToken cancellationToken) => store.LoadAllAsync(
        (_, loaded) =>
        {
            if (loaded.State.Phase is not RunPhase.Unknown)
            {
                table.Set(loaded.State, loaded.Version);
            }
        },
        cancellationToken);

    public async Task<RunState> LoadAsync(string run, CancellationToken cancellationToken) => (await store.LoadAsync(run, cancellationToken)).State;

    public async Task DeleteAsync(string run, CancellationToken cancellationToken)
    {
        await store.DeleteAsync(run, cancellationToken);
        table.Remove(run);
    }

    /// <summary>Its failures are the callers': every one of a batch hears of it.</summary>
    private async Task WorkAsync(string run, RunMailbox mailbox)
    {
        await Task.Yield();
        while (true)
        {
            IReadOnlyList<PendingCommand> batch;
            lock (mailbox)
            {
                batch = mailbox.Take();
                if (batch.Count == 0)
                {
                    mailboxes.TryRemove(new KeyValuePair<string, RunMailbox>(run, mailbox));
                    return;
                }
            }

            foreach (var late in batch.Where(pending => pending.Order?.Broken is not null))
            {
                late.Done.TrySetException(late.Order!.Broken!);
            }

            PendingCommand[] timely = [.. batch.Where(pending => !pending.Done.Task.IsCompleted)];
            if (timely.Length > 0)
            {
                await ExecuteAsync(run, timely);
            }
        }
    }

    private async Task ExecuteAsync(string run, IReadOnlyList<PendingCommand> batch)
    {
        try
        {
            var after = await AppendAsync(run, batch);
            foreach (var pending in batch)
            {
                pending.Done.TrySetResult(after);
            }
        }
        catch (Exception exception)
        {
            foreach (var pending in batch)
            {
                pending.Order?.Break(exception);
                pending.Done.TrySetException(exception);
            }
        }
    }

    private async Task<RunState> AppendAsync(string run, IReadOnlyList<PendingCommand> batch)
    {
        var events = new List<RunEvent>();
        var before = RunState.Initial;
        var result = await store.ExecuteAsync(
            run,
            state =>
            {
                events.Clear();
                before = state;
                foreach (var command in batch.Select(pending => pending.Command).OfType<RunCommand>())
                {
                    var decided = RunDecision.Decide(state, command);
                    state = decided.Aggregate(state, RunEvolution.Apply);
                    events.AddRange(decided);
                }

                return events;
            },
            CancellationToken.None);
        var decidedOn = result.Version - events.Count;
        if (decidedOn != table.VersionOf(run))
        {
            await CatchUpAsync(run, decidedOn);
        }

        if (events.Count > 0)
        {
            table.Set(result.State, result.Version);
            LetHappen(before, events);
        }

        return result.State;
    }

    /// <summary>An append whose success was not heard of (the database went away in the middle of it) stands all the same: what follows from it is done now.</summary>
    private async Task CatchUpAsync(string run, long version)
    {
        var known = table.VersionOf(run);
        var (before, after) = (RunState.Initial, RunState.Initial);
        var missed = new List<RunEvent>();
        await foreach (var row in journal.ReadStreamAsync(new StreamId(store.Category, run), 0, CancellationToken.None))
        {
            if (row.Version > version)
            {
                break;
            }

            var happened = EventStore<RunState, RunEvent>.Read(row);
            after = RunEvolution.Apply(after, happened);
            if (row.Version <= known)
            {
                before = after;
            }
            else
            {
                missed.Add(happened);
            }
        }

        if (missed.Count > 0)
        {
            table.Set(after, version);
            LetHappen(before, missed);
        }
    }

    private void LetHappen(RunState before, IEnumerable<RunEvent> events)
    {
        foreach (var happened in events)
        {
            var after = RunEvolution.Apply(before, happened);
            Happened(before, happened, after);
            before = after;
        }
    }
}
