using System.Text.Json;

namespace Orchestrator.Cli.Hosting;

/// <summary>What a coordinator writes into its data directory once it listens: <c>endpoint.json</c>.</summary>
/// <param name="Endpoint">gRPC, as a URL: http://127.0.0.1:5080.</param>
/// <param name="Web">REST, health and metrics, as a URL.</param>
/// <param name="Pid">The coordinator's own process.</param>
public sealed record EndpointFile(string Endpoint, string Web, int Pid)
{
    public const string Name = "endpoint.json";

    /// <summary>Null where there is none, or it is not whole yet.</summary>
    public static EndpointFile? Read(string dataDirectory)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(dataDirectory, Name)));
            var root = document.RootElement;
            return new(root.GetProperty("endpoint").GetString() ?? "", root.GetProperty("web").GetString() ?? "", root.GetProperty("pid").GetInt32());
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException
                                              or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    public string ToJson() => $$"""{"endpoint":"{{Endpoint}}","web":"{{Web}}","pid":{{Pid}}}""";
}
