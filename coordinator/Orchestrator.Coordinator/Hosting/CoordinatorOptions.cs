namespace Orchestrator.Coordinator.Hosting;

/// <summary>What the command line says, checked. <see cref="CoordinatorCommand"/> binds it.</summary>
public sealed record CoordinatorOptions
{
    public const string DefaultListen = "127.0.0.1:5080";

    /// <summary>gRPC, cleartext HTTP/2.</summary>
    public string Listen { get; init; } = DefaultListen;

    /// <summary>REST, health and metrics, HTTP/1.1; the port after <see cref="Listen"/>'s where null.</summary>
    public string? ListenWeb { get; init; }

    /// <summary>Journal, datasets, checkpoints, traces and logs.</summary>
    public required string DataDirectory { get; init; }

    /// <summary><c>memory</c>, or an amqp URI.</summary>
    public string Broker { get; init; } = "memory";

    /// <summary>null for SQLite in the data directory; else <see cref="Hosting.DatabaseAddress.Parse"/> says what.</summary>
    public string? Database { get; init; }

    /// <summary>null for a folder in the data directory; else a folder or a file URI.</summary>
    public string? Artifacts { get; init; }

    /// <summary>Agents that the coordinator starts itself; 0 where agents dial in.</summary>
    public int Workers { get; init; }

    /// <summary>Slots of each of those agents.</summary>
    public int Slots { get; init; } = 1;

    /// <summary>The worker host that embedded agents run.</summary>
    public string? WorkerAssembly { get; init; }

    /// <summary>Holds the token that every caller must bring; needed beyond loopback.</summary>
    public string? TokenFile { get; init; }

    /// <summary>Where every trace that arrives is sent on to, as OTLP over gRPC; null for nowhere.</summary>
    public string? OtlpEndpoint { get; init; }

    public ListenAddress ListenAddress => ListenAddress.Parse("--listen", Listen);

    public ListenAddress WebAddress => ListenWeb is null
        ? ListenAddress with { Port = ListenAddress.Port == 0 ? 0 : ListenAddress.Port + 1 }
        : ListenAddress.Parse("--listen-web", ListenWeb);

    public DatabaseAddress DatabaseAddress => DatabaseAddress.Parse(Database, DataDirectory);

    /// <summary>Checkpoints lie here.</summary>
    public string ArtifactFolder => Artifacts switch
    {
        null => Path.Combine(DataDirectory, "artifacts"),
        _ when Artifacts.StartsWith("file:", StringComparison.Ordinal) && Uri.TryCreate(Artifacts, UriKind.Absolute, out var uri) => uri.LocalPath,
        _ => Artifacts,
    };

    /// <summary>True where the coordinator starts its agents itself.</summary>
    public bool Embedded => WorkerAssembly is not null;

    /// <exception cref="StartupException">Something is out of range, contradictory or open to the world.</exception>
    public void Validate()
    {
        var (listen, web) = (ListenAddress, WebAddress);
        Check(web.Port <= 65535, $"--listen {Listen} leaves no port for the web listener", "name one with --listen-web");
        Check(listen.Port == 0 || listen.Port != web.Port, "--listen and --listen-web have the same port", "give each its own");
        Check(TokenFile is not null || listen.IsLoopback, $"--listen {Listen} can be reached from other machines", "add --token-file, or listen on 127.0.0.1");
        Check(TokenFile is not null || web.IsLoopback, $"--listen-web {web} can be reached from other machines", "add --token-file, or listen on 127.0.0.1");
        Check(Workers is >= 0 and <= 1024, $"--workers {Workers} is out of range", "0 to 1024");
        Check(Slots is >= 1 and <= 1024, $"--slots {Slots} is out of range", "1 to 1024");
        Check(Workers == 0 || WorkerAssembly is not null, "--workers needs the worker host", "name it with --worker-assembly");
        Check(WorkerAssembly is null || File.Exists(WorkerAssembly), $"--worker-assembly {WorkerAssembly} is not there", "build it, or name another");
        Check(
            Broker == "memory" || (Uri.TryCreate(Broker, UriKind.Absolute, out var broker) && broker.Scheme is "amqp" or "amqps"),
            "--broker is not understood", "memory, or amqp://user:password@host:port/vhost");
        Check(
            Artifacts is null || !Artifacts.Contains("://", StringComparison.Ordinal) || Artifacts.StartsWith("file:", StringComparison.Ordinal),
            $"--artifacts {Artifacts} is not understood", "a folder, or file:///a/folder");
        Check(
            OtlpEndpoint is null || (Uri.TryCreate(OtlpEndpoint, UriKind.Absolute, out var otlp) && otlp.Scheme is "http" or "https"),
            $"OTEL_EXPORTER_OTLP_ENDPOINT {OtlpEndpoint} is not understood", "write it like http://localhost:4317");
        _ = DatabaseAddress;
    }

    private static void Check(bool holds, string message, string mend)
    {
        if (!holds)
        {
            throw new StartupException(message, mend);
        }
    }
}
