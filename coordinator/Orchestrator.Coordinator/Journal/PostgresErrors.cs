using System.Data.Common;
using Npgsql;

namespace Orchestrator.Coordinator.Journal;

/// <summary>What PostgreSQL's SQLSTATE codes mean to the person who runs the coordinator (appendix A of its manual).</summary>
internal static class PostgresErrors
{
    public static JournalException Explain(DbException exception, string where) =>
        exception.SqlState switch
        {
            "28P01" or "28000" => new JournalException(
                "journal-denied", $"The database {where} refuses the user or the password.", "Correct Username and Password of --database.", false, exception),
            "3D000" => new JournalException(
                "journal-unknown", $"The database {where} does not exist.", "Create it (createdb), or correct Database of --database.", false, exception),
            "42501" => new JournalException(
                "journal-denied", $"The user may not create or write tables in {where}.", "Grant it create on the schema, or use the owner.", false, exception),
            "53100" => new JournalException("journal-full", $"The disk of the database {where} is full.", "Make room: it goes on by itself.", true, exception),
            "53300" => new JournalException(
                "journal-busy", $"The database {where} has no connection left.", "Raise max_connections, or end other clients.", true, exception),
            null or "" or ['0', '8', ..] or ['5', '7', 'P', ..] => new JournalException(
                "journal-unreachable",
                $"The database {where} does not answer: {(exception.InnerException ?? exception).Message.ReplaceLineEndings(" ")}",
                "Start it, or correct Host and Port of --database.",
                true,
                exception),
            _ => new JournalException(
                "journal-failed", $"The database {where} failed: {exception.Message.ReplaceLineEndings(" ")}", "See the database's log.", exception is NpgsqlException { IsTransient: true }, exception),
        };
}
