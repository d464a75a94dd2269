namespace Orchestrator.Cli.Hosting;

/// <summary>A cluster on this machine, as <c>orch up</c> was told to start it.</summary>
/// <param name="Listen">gRPC, HOST:PORT; port 0 takes a free one.</param>
/// <param name="ListenWeb">REST, health and metrics; the next port where null.</param>
/// <param name="Workers">Agents that the coordinator starts itself.</param>
/// <param name="Slots">Trainers that each of them runs at a time.</param>
/// <param name="TokenFile">Holds the token that callers must bring; null for none.</param>
public sealed record ClusterOptions(
    string Listen, string? ListenWeb, string DataDirectory, int Workers, int Slots, string? Broker, string? Database, string? Artifacts, string? TokenFile)
{
    /// <summary>The coordinator's command line.</summary>
    public IReadOnlyList<string> Arguments(string workerAssembly) =>
    [
        "--listen", Listen,
        .. Optional("--listen-web", ListenWeb),
        "--data-dir", DataDirectory,
        "--workers", Workers.ToString(),
        "--slots", Slots.ToString(),
        "--worker-assembly", workerAssembly,
        .. Optional("--broker", Broker),
        .. Optional("--database", Database),
        .. Optional("--artifacts", Artifacts),
        .. Optional("--token-file", TokenFile),
    ];

    private static string[] Optional(string name, string? value) => value is null ? [] : [name, value];
}
