using System.CommandLine;
using Orchestrator.Coordinator.Sweeps;

namespace Orchestrator.Coordinator.Hosting;

/// <summary>The command line: options in, exit code out. 0 after a clean stop, 2 where it can't start; anything else ends the process with its stack.</summary>
internal static class CoordinatorCommand
{
    private static readonly Option<string> Listen = Text("--listen", "HOST:PORT for gRPC; port 0 takes a free one", CoordinatorOptions.DefaultListen);
    private static readonly Option<string?> ListenWeb = new("--listen-web") { Description = "HOST:PORT for REST, health and metrics; the next port unless told" };
    private static readonly Option<string> DataDir = Text("--data-dir", "Where everything is kept", DefaultDataDirectory);
    private static readonly Option<string> Broker = Text("--broker", "memory, or amqp://user:password@host/vhost", "memory");
    private static readonly Option<string?> Database = new("--database") { Description = "sqlite:PATH or a PostgreSQL connection string; SQLite in the data directory unless told" };
    private static readonly Option<string?> Artifacts = new("--artifacts") { Description = "Folder for checkpoints; in the data directory unless told" };
    private static readonly Option<int> Workers = new("--workers") { Description = "Agents to start on this machine", DefaultValueFactory = _ => 0 };
    private static readonly Option<int> Slots = new("--slots") { Description = "Slots of each of them", DefaultValueFactory = _ => 1 };
    private static readonly Option<string?> WorkerAssembly = new("--worker-assembly") { Description = "The worker host that they run" };
    private static readonly Option<string?> TokenFile = new("--token-file") { Description = "File with the token that callers must bring" };

    private static string DefaultDataDirectory => Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".orchestrator");

    /// <summary>Parses, and runs the coordinator until it is told to stop.</summary>
    public static async Task<int> RunAsync(string[] args, Func<CoordinatorOptions, Task> run)
    {
        var command = new RootCommand("The coordinator: searches, places and watches training runs.")
        {
            Listen, ListenWeb, DataDir, Broker, Database, Artifacts, Workers, Slots, WorkerAssembly, TokenFile, PreviewCommand.Build(), OrderBench.Build(),
        };
        command.SetAction((parsed, _) => run(Bind(parsed)));
        var parsed = command.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            return await RefuseAsync($"{parsed.Errors[0].Message.TrimEnd('.')}; `--help` shows the options");
        }

        try
        {
            // Signals are the host's: it ends cleanly on the first, and ignores those that follow while it does.
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (StartupException error)
        {
            return await RefuseAsync(error.Message);
        }
    }

    private static CoordinatorOptions Bind(ParseResult parsed) => new()
    {
        Listen = parsed.GetRequiredValue(Listen),
        ListenWeb = parsed.GetValue(ListenWeb),
        DataDirectory = Path.GetFullPath(parsed.GetRequiredValue(DataDir)),
        Broker = parsed.GetRequiredValue(Broker),
        Database = parsed.GetValue(Database),
        Artifacts = parsed.GetValue(Artifacts),
        Workers = parsed.GetValue(Workers),
        Slots = parsed.GetValue(Slots),
        WorkerAssembly = parsed.GetValue(WorkerAssembly),
        TokenFile = parsed.GetValue(TokenFile),
        OtlpEndpoint = Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT") is { Length: > 0 } otlp ? otlp : null,
    };

    private static Option<string> Text(string name, string description, string otherwise) =>
        new(name) { Description = description, DefaultValueFactory = _ => otherwise };

    private static async Task<int> RefuseAsync(string line)
    {
        await Console.Error.WriteLineAsync($"orchestrator: {line.ReplaceLineEndings(" ")}");
        return 2;
    }
}
