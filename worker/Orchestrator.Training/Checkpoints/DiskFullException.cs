namespace Orchestrator.Training;

/// <summary>A checkpoint found no room, and none was made in time. One line: what, where, the mend.</summary>
public sealed class DiskFullException(string checkpoint, string directory, Exception inner)
    : IOException($"checkpoint {checkpoint} can't be written: no space is left in {directory}; free some", inner);
