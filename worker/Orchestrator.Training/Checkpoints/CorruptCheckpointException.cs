namespace Orchestrator.Training;

/// <summary>A checkpoint's folder that is not whole, or not what its manifest says. One line: where, what, the mend.</summary>
public sealed class CorruptCheckpointException(string directory, string problem, Exception? inner = null)
    : IOException($"{directory}: {problem}; use the checkpoint before it, or fetch it again", inner)
{
    public string Directory { get; } = directory;
}
