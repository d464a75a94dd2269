using Orchestrator.Control.Runs;

namespace Orchestrator.Control.Placement;

/// <param name="Device">cpu, cuda:0</param>
public sealed record Slot(SlotId Id, string Device)
{
    /// <summary>cpu, cuda: a gang takes one kind only, for other kinds compute other bits.</summary>
    public string Kind => Device.Split(':', 2)[0];
}
