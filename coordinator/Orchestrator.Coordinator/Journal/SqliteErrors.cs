using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace Orchestrator.Coordinator.Journal;

/// <summary>What SQLite's result codes mean to the person who runs the coordinator (https://sqlite.org/rescode.html).</summary>
internal static class SqliteErrors
{
    public static JournalException Explain(DbException exception, string path) =>
        (exception as SqliteException)?.SqliteErrorCode switch
        {
            5 or 6 => new JournalException(
                "journal-locked", $"The journal {path} is locked by another process.", "End the program that holds it, or choose another --data-dir.", true, exception),
            8 or 3 or 23 => new JournalException(
                "journal-denied", $"The journal {path} cannot be written.", "Give this user the right to write the file and its folder.", false, exception),
            10 => new JournalException(
                "journal-unreachable", $"The journal {path} cannot be read or written: {exception.Message}", "Check the disk and its file system.", true, exception),
            11 or 26 => new JournalException(
                "journal-corrupt", $"{path} is not a journal, or it is damaged.", "Restore it from a copy, or choose another --data-dir.", false, exception),
            13 => new JournalException("journal-full", $"The disk of the journal {path} is full.", "Make room: it goes on by itself.", true, exception),
            14 => new JournalException(
                "journal-denied", $"The journal {path} cannot be opened.", "Check that it is a file and that this user may write its folder.", false, exception),
            _ => new JournalException("journal-failed", $"The journal {path} failed: {exception.Message}", "See the coordinator's log.", false, exception),
        };
}
