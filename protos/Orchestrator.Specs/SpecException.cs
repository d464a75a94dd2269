namespace Orchestrator.Specs;

/// <summary>What is wrong in a file that a person wrote, where, and the mend: one line each.</summary>
/// <param name="Code">Stable: syntax, unknown-field, duplicate-field, wrong-type, out-of-range, unknown-value, undefined-parameter, ...</param>
/// <param name="Field">Its path: training.optimizer.name; empty for the whole file.</param>
/// <param name="Line">From 1; 0 where unknown.</param>
public sealed record SpecError(string Code, string Message, string Mend = "", string File = "", int Line = 0, int Column = 0, string Field = "")
{
    /// <summary><c>file:line:column: field: message (mend)</c></summary>
    public override string ToString()
    {
        var place = File.Length == 0 ? "" : Line == 0 ? $"{File}: " : $"{File}:{Line}:{Column}: ";
        var field = Field.Length == 0 ? "" : $"{Field}: ";
        return $"{place}{field}{Message}{(Mend.Length == 0 ? "" : $"; {Mend}")}";
    }
}

public sealed class SpecException(SpecError error) : Exception(error.ToString())
{
    public SpecError Error { get; } = error;
}
