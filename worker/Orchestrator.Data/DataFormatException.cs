namespace Orchestrator.Data;

/// <summary>A file that is not what it should be. The message is one line: where, what and the mend.</summary>
public sealed class DataFormatException : IOException
{
    /// <param name="code">Stable: truncated, tampered, overlap, dtype, ragged-row, not-a-number, ...</param>
    /// <param name="problem">Where and what: <c>digits.csv: row 17: 63 fields instead of 65</c>.</param>
    /// <param name="mend">What the reader may do about it.</param>
    public DataFormatException(string code, string problem, string mend, Exception? inner = null)
        : base($"{problem}; {mend}", inner)
    {
        Code = code;
        Problem = problem;
        Mend = mend;
    }

    public string Code { get; }

    public string Problem { get; }

    public string Mend { get; }
}
