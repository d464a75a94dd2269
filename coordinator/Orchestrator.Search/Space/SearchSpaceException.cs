namespace Orchestrator.Search;

/// <summary>A search space that can't be searched.</summary>
/// <param name="code">empty-space, bad-range, duplicate-parameter, unknown-parent, bad-condition, condition-cycle, endless-grid, bad-constraint, bad-prior, small-space</param>
/// <param name="parameter">The parameter's name; empty for the whole space.</param>
public sealed class SearchSpaceException(string code, string parameter, string message, string mend) : Exception(message)
{
    public string Code { get; } = code;

    public string Parameter { get; } = parameter;

    /// <summary>What to do about it, one line.</summary>
    public string Mend { get; } = mend;
}
