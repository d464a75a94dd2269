namespace Orchestrator.Training;

/// <summary>A checkpoint that is whole, and of another model or optimizer than the file's. One line: which tensors differ, and the mend.</summary>
public sealed class CheckpointMismatchException(IReadOnlyList<string> differences) : Exception(Line(differences))
{
    private const int Shown = 6;

    /// <summary>One a tensor.</summary>
    public IReadOnlyList<string> Differences { get; } = differences;

    private static string Line(IReadOnlyList<string> differences)
    {
        var more = differences.Count > Shown ? $"; and {differences.Count - Shown} more" : "";
        return $"the checkpoint does not fit the file: {string.Join("; ", differences.Take(Shown))}{more}; write the model and optimizer that it was trained with, or begin without it";
    }
}
