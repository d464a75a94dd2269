using System.Diagnostics;
using System.Globalization;

namespace Orchestrator.Testing;

/// <summary>A private PostgreSQL cluster on 127.0.0.1, as the user postgres where the test runs as root (it refuses root).</summary>
public sealed class PostgresServer : IDisposable
{
    private const string Password = "secret";
    private const string Mend = "Install the distribution's package postgresql (apt-get install postgresql).";

    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(120);

    private readonly TemporaryFolder folder = new();
    private readonly string programs;
    private int databases;
    private ServerProcess? server;

    private PostgresServer(string programs) => this.programs = programs;

    /// <summary>Stays the same through restarts.</summary>
    public int Port { get; } = FreePort.Next();

    /// <summary>An Npgsql connection string of the database that is always there.</summary>
    public string ConnectionString => ConnectionStringOf("postgres");

    private string ClusterFolder => folder["cluster"];

    /// <summary>Returns once it answers.</summary>
    /// <exception cref="InvalidOperationException">It is not installed, or does not come up; says the mend and its last words.</exception>
    public static async Task<PostgresServer> StartNewAsync()
    {
        var postgres = new PostgresServer(FindPrograms());
        try
        {
            postgres.Initialize();
            await postgres.StartAsync();
            return postgres;
        }
        catch
        {
            postgres.Dispose();
            throw;
        }
    }

    /// <summary>Starts it again where it left off, after <see cref="Stop"/> or <see cref="Kill"/>.</summary>
    public async Task StartAsync()
    {
        server = ServerProcess.Start(
            "QUIT",
            folder["server.log"],
            new Dictionary<string, string>(StringComparer.Ordinal),
            [
                .. AsServerUser(), $"{programs}/postgres", "-D", ClusterFolder, "-p", Port.ToString(CultureInfo.InvariantCulture),
                "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={folder.Path}", "-c", "fsync=off",
                "-c", "dynamic_shared_memory_type=mmap", "-c", "max_connections=100",
            ]);
        try
        {
            await Eventually.TrueAsync(
                () => !server.IsRunning || Run("pg_isready", "-q", "-h", "127.0.0.1", "-p", Text(Port)).ExitCode == 0, StartTimeout, "PostgreSQL answers");
        }
        catch (TimeoutException exception)
        {
            throw new InvalidOperationException($"PostgreSQL did not start: {LastWords()}", exception);
        }

        if (!server.IsRunning)
        {
            throw new InvalidOperationException($"PostgreSQL ended while starting: {LastWords()}");
        }
    }

    /// <summary>Creates an empty database and gives its connection string.</summary>
    public string CreateDatabase()
    {
        var name = $"test{Text(Interlocked.Increment(ref databases))}";
        Query($"create database {name}");
        return ConnectionStringOf(name);
    }

    /// <summary>Runs SQL as the superuser, outside of the code under test.</summary>
    public void Query(string sql)
    {
        var address = $"postgresql://postgres:{Password}@127.0.0.1:{Text(Port)}/postgres";
        var (exitCode, output) = Run("psql", address, "-q", "-v", "ON_ERROR_STOP=1", "-c", sql);
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"psql: {output}");
        }
    }

    /// <summary>Cuts every connection off.</summary>
    public void Stop()
    {
        server?.Dispose();
        server = null;
    }

    /// <summary>With SIGKILL.</summary>
    public void Kill()
    {
        server?.Kill();
        server = null;
    }

    public void Dispose()
    {
        Stop();
        folder.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string FindPrograms() =>
        (Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql") : [])
            .Select(version => Path.Combine(version, "bin"))
            .Where(bin => File.Exists(Path.Combine(bin, "postgres")) && File.Exists(Path.Combine(bin, "initdb")))
            .Order(StringComparer.Ordinal)
            .LastOrDefault()
        ?? throw new InvalidOperationException($"No PostgreSQL server under /usr/lib/postgresql. {Mend}");

    private static string[] AsServerUser() =>
        Environment.IsPrivilegedProcess ? ["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : [];

    private string ConnectionStringOf(string database) =>
        $"Host=127.0.0.1;Port={Text(Port)};Username=postgres;Password={Password};Database={database}";

    private void Initialize()
    {
        File.WriteAllText(folder["password"], Password);
        if (Environment.IsPrivilegedProcess)
        {
            RunOrThrow("/bin/chown", "-R", "postgres", folder.Path);
        }

        RunOrThrow(
            [.. AsServerUser(), $"{programs}/initdb", "-D", ClusterFolder, "-U", "postgres", "-A", "scram-sha-256", "--pwfile", folder["password"], "-E", "UTF8",
                "--locale=C", "-N"]);
    }

    private static void RunOrThrow(params string[] command)
    {
        var (exitCode, output) = RunAny(command);
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"{command[0]} ended with {Text(exitCode)}: {output}");
        }
    }

    private (int ExitCode, string Output) Run(string program, params string[] arguments) => RunAny([$"{programs}/{program}", .. arguments]);

    private static (int ExitCode, string Output) RunAny(string[] command)
    {
        var start = new ProcessStartInfo(command[0])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        foreach (var argument in command.Skip(1))
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        process.WaitForExit();
        return (process.ExitCode, output.Trim());
    }

    private string LastWords() =>
        File.Exists(folder["server.log"]) ? string.Join(" | ", File.ReadLines(folder["server.log"]).Where(line => line.Length > 0).TakeLast(8)) : "nothing";
}
