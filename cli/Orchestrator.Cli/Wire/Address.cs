using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Wire;

/// <summary>Where the coordinator is: what ORCH_ENDPOINT names, else the cluster of the default data directory, else this machine's usual port.</summary>
public static class Address
{
    public const string Default = "127.0.0.1:5080";

    /// <summary>Host and port; the scheme is http unless the variable says https.</summary>
    /// <exception cref="CliException">ORCH_ENDPOINT is not HOST:PORT.</exception>
    public static Uri Of(Shell shell) =>
        shell.Variable("ORCH_ENDPOINT") is { Length: > 0 } named
            ? Parse(named) ?? throw CliException.BadInput($"ORCH_ENDPOINT is '{named}': it must be HOST:PORT, such as {Default}")
            : Parse(EndpointFile.Read(DataDirectory.Default(shell))?.Endpoint ?? Default) ?? new Uri("http://" + Default);

    /// <summary>Null where it is no address.</summary>
    public static Uri? Parse(string text) =>
        Uri.TryCreate(text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text, UriKind.Absolute, out var uri)
        && uri.Scheme is "http" or "https" && uri.Host.Length > 0 && uri is { Port: > 0, PathAndQuery: "/" }
            ? uri
            : null;
}
