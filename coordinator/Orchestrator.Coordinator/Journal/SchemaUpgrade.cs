using DbUp.Builder;
using DbUp.Engine;

namespace Orchestrator.Coordinator.Journal;

/// <summary>Runs the SQL scripts of <c>Migrations/ENGINE</c> that a database has not seen yet, each in its own transaction.</summary>
internal static class SchemaUpgrade
{
    /// <param name="engine">Sqlite or Postgres</param>
    /// <param name="where">The database, for messages.</param>
    /// <exception cref="JournalException">journal-newer: a newer version of the program wrote here.</exception>
    public static void Run(UpgradeEngineBuilder builder, string engine, string where)
    {
        var folder = $".Migrations.{engine}.";
        var upgrade = builder
            .WithScriptsEmbeddedInAssembly(typeof(SchemaUpgrade).Assembly, name => name.Contains(folder, StringComparison.Ordinal))
            .WithTransactionPerScript()
            .LogToNowhere()
            .Build();
        var known = upgrade.GetDiscoveredScripts().Select(script => script.Name).ToHashSet(StringComparer.Ordinal);
        if (upgrade.GetExecutedScripts().FirstOrDefault(name => !known.Contains(name)) is { } unknown)
        {
            throw new JournalException(
                "journal-newer", $"The journal {where} was written by a newer version ({unknown}).", "Use that version, or another database.");
        }

        DatabaseUpgradeResult result = upgrade.PerformUpgrade();
        if (!result.Successful)
        {
            throw result.Error;
        }
    }
}
