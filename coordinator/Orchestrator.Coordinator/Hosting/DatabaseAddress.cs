using Npgsql;

namespace Orchestrator.Coordinator.Hosting;

/// <summary>The database that <c>--database</c> names.</summary>
public abstract record DatabaseAddress
{
    private DatabaseAddress()
    {
    }

    /// <summary>What may be shown: no password.</summary>
    public abstract string Shown { get; }

    public sealed record Sqlite(string Path) : DatabaseAddress
    {
        public override string Shown => $"sqlite:{Path}";
    }

    public sealed record PostgreSql(string ConnectionString) : DatabaseAddress
    {
        public override string Shown
        {
            get
            {
                var parts = new NpgsqlConnectionStringBuilder(ConnectionString);
                return $"postgresql://{parts.Host}:{parts.Port}/{parts.Database}";
            }
        }
    }

    /// <param name="text"><c>Host=…;…</c>, <c>postgresql://user:password@host:port/name</c>, <c>sqlite:PATH</c>, <c>sqlite</c> or null.</param>
    /// <exception cref="StartupException">None of these.</exception>
    public static DatabaseAddress Parse(string? text, string dataDirectory)
    {
        if (text is null or "" or "sqlite")
        {
            return new Sqlite(Path.Combine(dataDirectory, "journal.db"));
        }

        if (text.StartsWith("sqlite:", StringComparison.Ordinal))
        {
            return new Sqlite(Path.GetFullPath(text["sqlite:".Length..].Replace("//", "/", StringComparison.Ordinal)));
        }

        try
        {
            return new PostgreSql(text.StartsWith("postgres", StringComparison.Ordinal) && text.Contains("://", StringComparison.Ordinal) ? FromUri(text) : Checked(text));
        }
        catch (Exception error) when (error is ArgumentException or FormatException)
        {
            // Not shown: it may hold a password.
            throw new StartupException("--database is not understood", "sqlite:PATH, \"Host=…;Username=…;Password=…;Database=…\" or postgresql://user:password@host/name", error);
        }
    }

    private static string Checked(string text)
    {
        var parts = new NpgsqlConnectionStringBuilder(text);
        return string.IsNullOrEmpty(parts.Host) ? throw new ArgumentException("A host is missing.", nameof(text)) : text;
    }

    private static string FromUri(string text)
    {
        var uri = new Uri(text);
        var user = uri.UserInfo.Split(':', 2);
        var parts = new NpgsqlConnectionStringBuilder { Host = uri.Host, Database = Uri.UnescapeDataString(uri.AbsolutePath.Trim('/')) };
        if (uri.Port > 0)
        {
            parts.Port = uri.Port;
        }

        if (user[0].Length > 0)
        {
            parts.Username = Uri.UnescapeDataString(user[0]);
        }

        if (user.Length == 2)
        {
            parts.Password = Uri.UnescapeDataString(user[1]);
        }

        return parts.ConnectionString;
    }
}
