namespace Orchestrator.Coordinator.Journal;

/// <summary>Where the journal is kept.</summary>
public sealed record JournalOptions
{
    /// <summary><c>sqlite:PATH</c>, a plain path, or an Npgsql connection string (<c>Host=db;Username=orch;Password=...;Database=orch</c>).</summary>
    public required string Database { get; init; }

    /// <summary>How long a write waits for another process that holds the SQLite file.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often <see cref="IJournal.FollowAsync"/> looks for what other processes appended; this process's own appends wake it at once.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromMilliseconds(250);
}
