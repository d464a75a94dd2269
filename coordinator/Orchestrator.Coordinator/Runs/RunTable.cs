using System.Collections.Concurrent;
using Orchestrator.Control.Placement;
using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Journal;

namespace Orchestrator.Coordinator.Runs;

/// <summary>
/// Every run's state as it stands in the journal, and beside it what must be found without looking at all of them: those that wait, in order of arrival and by
/// sweep; those that have trainers; the slots that are held and wanted.
/// </summary>
internal sealed class RunTable
{
    private readonly ConcurrentDictionary<string, Versioned<RunState>> states = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private readonly Dictionary<string, SortedSet<(DateTimeOffset Arrival, string Run)>> waiting = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> running = new(StringComparer.Ordinal);
    private readonly HashSet<string> active = new(StringComparer.Ordinal);
    private int slotsWanted;
    private int slotsUsed;

    /// <summary>Slots that waiting and running runs could use at once.</summary>
    public int SlotsWanted => Volatile.Read(ref slotsWanted);

    public int SlotsUsed => Volatile.Read(ref slotsUsed);

    public RunState? Find(string run) => states.GetValueOrDefault(run)?.State;

    /// <summary>An identifier begins with its run's.</summary>
    public (RunState Run, CheckpointRecord Record)? FindCheckpoint(string id)
    {
        for (var end = id.LastIndexOf('-'); end > 0; end = id.LastIndexOf('-', end - 1))
        {
            if (Find(id[..end]) is { } run && run.Checkpoints.Find(record => record.Id == id) is { } record)
            {
                return (run, record);
            }
        }

        return null;
    }

    /// <summary>Of the run's stream; 0 where the run is not known.</summary>
    public long VersionOf(string run) => states.GetValueOrDefault(run)?.Version ?? 0;

    /// <summary>All runs, in order of arrival.</summary>
    public IReadOnlyList<RunState> List() => [.. states.Values.Select(each => each.State).OrderBy(state => state.Arrival).ThenBy(state => state.Id, StringComparer.Ordinal)];

    /// <summary>Runs that have trainers: a generation that forms or works, or survivors that wait for one.</summary>
    public IReadOnlyList<RunState> Active()
    {
        lock (gate)
        {
            return [.. active.Select(run => states[run].State)];
        }
    }

    public int ActiveCount
    {
        get
        {
            lock (gate)
            {
                return active.Count;
            }
        }
    }

    /// <summary>Called in the order of a run's own events.</summary>
    public void Set(RunState after, long version)
    {
        ArgumentNullException.ThrowIfNull(after);
        lock (gate)
        {
            // Nobody asks for the file of a run that is over; there may be many thousands of them.
            var kept = after is { Outcome: not null, Phase: RunPhase.Idle } ? after with { Spec = "" } : after;
            var before = Find(after.Id) ?? RunState.Initial;
            states[after.Id] = new Versioned<RunState>(version, kept);
            Index(before, after);
        }
    }

    public void Remove(string run)
    {
        lock (gate)
        {
            if (states.TryRemove(run, out var removed) && removed.State is var before)
            {
                Index(before, RunState.Initial with { Id = run, Trial = before.Trial, RequestedAt = before.RequestedAt });
            }
        }
    }

    /// <summary>The first of each group that could be placed now: more than there are free slots can't be, and what the whole cluster could not take stays out.</summary>
    public IReadOnlyList<WaitingRun> Waiting(int free, ClusterShape all, DateTimeOffset now)
    {
        lock (gate)
        {
            return [.. waiting
                .SelectMany(group => group.Value.Select(entry => (entry.Arrival, State: states[entry.Run].State)).Where(entry => all.Fits(entry.State.MinSlots, entry.State.RefusedAt(now))).Take(free + 1))
                .OrderBy(entry => entry.Arrival).ThenBy(entry => entry.State.Id, StringComparer.Ordinal)
                .Select(entry => new WaitingRun(entry.State.Id, GroupOf(entry.State), entry.State.MinSlots, entry.State.MaxSlots, entry.State.RefusedAt(now), entry.State.Due))];
        }
    }

    /// <summary>Runs that work and could take newcomers in.</summary>
    /// <param name="left">How long a run still takes; zero where it is not worth a newcomer, who must be needed then.</param>
    public IReadOnlyList<GrowingRun> Growing(Func<RunState, TimeSpan> left, DateTimeOffset now)
    {
        lock (gate)
        {
            return [.. active.Select(run => states[run].State)
                .Where(state => state.Room > 0)
                .Select(state => (State: state, Left: left(state)))
                .Where(run => run.State.Needed > 0 || run.Left > TimeSpan.Zero)
                .OrderBy(run => run.State.Arrival).ThenBy(run => run.State.Id, StringComparer.Ordinal)
                .Select(run => new GrowingRun(run.State.Id, GroupOf(run.State), [.. run.State.Members.Select(member => new SlotId(member.Place.Agent, member.Place.Slot))],
                    run.State.Needed, run.State.Room, [.. run.State.RefusedAt(now), .. run.State.Members.Where(member => member.IsLeaving).Select(member => member.Place.Agent)],
                    run.State.Due, run.Left))];
        }
    }

    /// <summary>Slots that each group holds.</summary>
    public IReadOnlyDictionary<string, int> Running()
    {
        lock (gate)
        {
            return new Dictionary<string, int>(running, StringComparer.Ordinal);
        }
    }

    private static string GroupOf(RunState state) => state.Trial?.Sweep ?? $"run {state.Id}";

    private static bool HasTrainers(RunState state) => !state.Members.IsEmpty;

    private void Index(RunState before, RunState after)
    {
        var group = GroupOf(after);
        if ((before.Phase is RunPhase.Waiting) != (after.Phase is RunPhase.Waiting))
        {
            var entry = (after.Arrival, after.Id);
            if (after.Phase is RunPhase.Waiting)
            {
                (waiting.TryGetValue(group, out var runs) ? runs : waiting[group] = []).Add(entry);
            }
            else if (waiting[group] is var runs && runs.Remove(entry) && runs.Count == 0)
            {
                waiting.Remove(group);
            }
        }

        if (HasTrainers(after))
        {
            active.Add(after.Id);
        }
        else
        {
            active.Remove(after.Id);
        }

        var held = after.Trainers.Count - before.Trainers.Count;
        slotsUsed += held;
        running[group] = running.GetValueOrDefault(group) + held;
        if (running[group] == 0)
        {
            running.Remove(group);
        }

        slotsWanted += (after.IsActive ? after.MaxWorkers : 0) - (before.IsActive ? before.MaxWorkers : 0);
    }
}
