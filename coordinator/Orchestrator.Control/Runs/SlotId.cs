namespace Orchestrator.Control.Runs;

/// <summary>A place for one trainer: a device of an agent.</summary>
/// <param name="Index">Into the devices that the agent registered.</param>
public readonly record struct SlotId(string Agent, int Index);
