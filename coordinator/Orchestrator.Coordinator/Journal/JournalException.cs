namespace Orchestrator.Coordinator.Journal;

/// <summary>The journal cannot do what it was asked: one line that says what and where, and the mend.</summary>
/// <param name="code">Stable: journal-unreachable, journal-locked, journal-full, journal-denied, journal-corrupt, journal-newer, deleted-stream, ...</param>
/// <param name="passing">Whether the same call may succeed later without anybody's doing (a broken connection, a busy database).</param>
public sealed class JournalException(string code, string message, string mend, bool passing = false, Exception? inner = null)
    : Exception(message, inner)
{
    public string Code { get; } = code;

    public string Mend { get; } = mend;

    public bool Passing { get; } = passing;
}
