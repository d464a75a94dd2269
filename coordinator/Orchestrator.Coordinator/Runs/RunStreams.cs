using System.Collections.Concurrent;
using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Journal;

namespace Orchestrator.Coordinator.Runs;

/// <summary>Decides, appends and then lets things happen, one batch after the other for each run.</summary>
internal sealed class RunStreams(EventStore<RunState, RunEvent> store, RunTable table)
{
    private readonly ConcurrentDictionary<string, RunMailbox> mailboxes = new(StringComparer.Ordinal);

    /// <summary>Called once a batch's events stand in the journal, before its callers hear of it; in the order of the run's events.</summary>
    public Action<RunState, RunEvent, RunState> Happened { get; set; } = static (_, _, _) => { };

    /// <summary>The state once the command's events, if any, are durable. The command is in its place in the order when this returns.</summary>
    /// <exception cref="JournalException">The journal can't be written.</exception>
    public Task<RunState> ExecuteAsync(string run, RunCommand command)
    {
        var pending = new PendingCommand(command);
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

    public async Task LoadAllAsync(IReadOnlyList<string> runs, CancellationToken cancellationToken)
    {
        var options = new ParallelOptions { CancellationToken = cancellationToken, MaxDegreeOfParallelism = 8 };
        await Parallel.ForEachAsync(runs, options, async (run, token) =>
        {
            if ((await store.LoadAsync(run, token)).State is { Phase: not RunPhase.Unknown } state)
            {
                table.Set(state);
            }
        });
    }

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
                    pending.Done.TrySetException(exception);
                }
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
                foreach (var pending in batch)
                {
                    var decided = RunDecision.Decide(state, pending.Command);
                    state = decided.Aggregate(state, RunEvolution.Apply);
                    events.AddRange(decided);
                }

                return events;
            },
            CancellationToken.None);
        if (events.Count == 0)
        {
            return result.State;
        }

        table.Set(result.State);
        foreach (var happened in events)
        {
            var after = RunEvolution.Apply(before, happened);
            Happened(before, happened, after);
            before = after;
        }

        return result.State;
    }
}
