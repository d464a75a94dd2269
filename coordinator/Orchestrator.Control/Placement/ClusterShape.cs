using Orchestrator.Control.Runs;

namespace Orchestrator.Control.Placement;

/// <summary>Every slot of the agents that are ready, whoever has it.</summary>
public sealed class ClusterShape(IReadOnlyCollection<Slot> slots)
{
    private readonly int most = LargestGang(slots);

    public int Count => slots.Count;

    /// <summary>cpu, cuda; null for a slot of an agent that is not ready.</summary>
    public string? KindOf(SlotId id) => slots.FirstOrDefault(slot => slot.Id == id)?.Kind;

    /// <summary>Whether a gang so large could start if nobody else were here.</summary>
    public bool Fits(int min, IReadOnlyCollection<string> refused)
    {
        ArgumentNullException.ThrowIfNull(refused);
        return min <= (refused.Count == 0 ? most : LargestGang(slots.Where(slot => !refused.Contains(slot.Id.Agent))));
    }

    private static int LargestGang(IEnumerable<Slot> slots) => slots.CountBy(slot => slot.Kind).Select(kind => kind.Value).DefaultIfEmpty().Max();
}
