using System.Collections.Concurrent;

namespace Orchestrator.Coordinator.Journal;

/// <summary>The states in memory: all that go on, and the last few that ended.</summary>
internal sealed class StateCache<TState>(EventStoreOptions<TState> options)
{
    private readonly ConcurrentDictionary<string, Versioned<TState>> states = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private readonly LinkedList<string> ended = new();
    private readonly Dictionary<string, LinkedListNode<string>> places = new(StringComparer.Ordinal);

    public Versioned<TState>? Find(string id) => states.GetValueOrDefault(id);

    public void Keep(string id, Versioned<TState> state)
    {
        states[id] = state;
        lock (gate)
        {
            TakeFromEnded(id);
            if (!options.HasEnded(state.State))
            {
                return;
            }

            places[id] = ended.AddLast(id);
            while (ended.Count > options.EndedInMemory)
            {
                var oldest = ended.First!.Value;
                TakeFromEnded(oldest);
                states.TryRemove(oldest, out _);
            }
        }
    }

    public void Remove(string id)
    {
        states.TryRemove(id, out _);
        lock (gate)
        {
            TakeFromEnded(id);
        }
    }

    private void TakeFromEnded(string id)
    {
        if (places.Remove(id, out var place))
        {
            ended.Remove(place);
        }
    }
}
