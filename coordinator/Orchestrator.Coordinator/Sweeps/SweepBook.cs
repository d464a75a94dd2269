using System.Collections.Concurrent;
using Orchestrator.Control.Sweeps;
using Orchestrator.Coordinator.Journal;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>All sweeps: those under way in memory, the settled ones in the journal.</summary>
internal sealed class SweepBook(
    EventStore<SweepState, SweepEvent> store, IJournal journal, SweepOutbox outbox, TimeProvider time, IHostApplicationLifetime lifetime)
{
    public const string Category = "sweep";

    private readonly ConcurrentDictionary<string, ActiveSweep> active = new(StringComparer.Ordinal);

    /// <summary>The sweeps under way.</summary>
    public ICollection<ActiveSweep> Active => active.Values;

    /// <summary>Decides, journals, and sends what follows. The state is the initial one where there is no such sweep.</summary>
    /// <exception cref="SweepRefusedException">The state does not allow it.</exception>
    public async Task<SweepState> ExecuteAsync(string id, SweepCommand command, CancellationToken cancellationToken)
    {
        var sweep = Open(id);
        try
        {
            return await sweep.ExecuteAsync(command, cancellationToken);
        }
        finally
        {
            CloseIfDone(sweep);
        }
    }

    /// <summary>The sweep as it stands; the initial state where there is none.</summary>
    public async Task<SweepState> ReadAsync(string id, CancellationToken cancellationToken) =>
        active.TryGetValue(id, out var sweep) && sweep.State.Phase != SweepPhase.None
            ? sweep.State
            : (await store.LoadAsync(id, cancellationToken)).State;

    /// <summary>The sweep, to be watched while it is under way; null where it has ended or there is none.</summary>
    public async Task<ActiveSweep?> WatchAsync(string id, CancellationToken cancellationToken)
    {
        var sweep = Open(id);
        if (sweep.State.Phase == SweepPhase.None)
        {
            await sweep.LoadAsync(cancellationToken);
        }

        return CloseIfDone(sweep) ? null : sweep;
    }

    public Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken) => journal.ListStreamsAsync(Category, cancellationToken);

    /// <summary>Takes the sweep's stream away; what was released before stays so.</summary>
    public async Task DeleteAsync(string id, CancellationToken cancellationToken)
    {
        active.TryRemove(id, out _);
        await store.DeleteAsync(id, cancellationToken);
    }

    /// <summary>The run coordinator has spoken of the trial.</summary>
    public void Hear(string id, int trial)
    {
        if (active.TryGetValue(id, out var sweep))
        {
            sweep.Hear(trial);
        }
    }

    private ActiveSweep Open(string id) => active.GetOrAdd(id, Create);

    private ActiveSweep Create(string id) => new(id, store, time, lifetime.ApplicationStopping)
    {
        Decided = (sweep, events) => outbox.Post(sweep, SweepIntent.Of(sweep.State, events)),
    };

    /// <summary>A settled sweep waits for nothing, and one that does not exist never did.</summary>
    private bool CloseIfDone(ActiveSweep sweep)
    {
        var state = sweep.State;
        var isDone = state.Phase is SweepPhase.None or SweepPhase.Deleted || state.IsSettled;
        if (isDone)
        {
            active.TryRemove(KeyValuePair.Create(sweep.Id, sweep));
        }

        return isDone;
    }
}
