using Microsoft.Extensions.DependencyInjection.Extensions;
using Orchestrator.Coordinator.Hosting;

namespace Orchestrator.Coordinator.Journal;

/// <summary>Opens the journal that the options name.</summary>
public static class JournalSetup
{
    private const string SqlitePrefix = "sqlite:";

    /// <summary>One <see cref="IJournal"/> for the host, opened when first asked for and closed with it.</summary>
    public static IServiceCollection AddJournal(this IServiceCollection services, JournalOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddHealthChecks().AddCheck<JournalCheck>("journal", tags: [HealthTags.Ready]);
        services.AddSingleton<JournalLog>();
        services.AddSingleton<IJournal>(provider =>
        {
            var journal = Open(options, provider.GetRequiredService<TimeProvider>());
            journal.Trouble.Changed = provider.GetRequiredService<JournalLog>().Tell;
            return journal;
        });
        return services;
    }

    /// <summary>Opens the database and brings its tables up to date. Dispose the journal to close it.</summary>
    /// <exception cref="JournalException">It cannot be opened; says why, where and the mend.</exception>
    public static SqlJournal Open(JournalOptions options, TimeProvider time)
    {
        var database = options.Database;
        if (database.StartsWith(SqlitePrefix, StringComparison.OrdinalIgnoreCase))
        {
            return SqliteJournal.Open(database[SqlitePrefix.Length..], options, time);
        }

        return database.Contains("Host=", StringComparison.OrdinalIgnoreCase)
            ? PostgresJournal.Open(database, options, time)
            : SqliteJournal.Open(database, options, time);
    }
}
