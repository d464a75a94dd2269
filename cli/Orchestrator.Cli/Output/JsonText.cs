using System.Text.Encodings.Web;
using System.Text.Json;

namespace Orchestrator.Cli.Output;

/// <summary>How JSON that is no message is written.</summary>
internal static class JsonText
{
    public static JsonSerializerOptions Indented { get; } = new(JsonSerializerOptions.Default)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
