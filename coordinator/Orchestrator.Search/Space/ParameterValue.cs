using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Orchestrator.Search;

/// <summary>
/// A parameter's value: any JSON value, kept as canonical text, so that equal values are equal texts: numbers by value (1.0 is 1), objects by the order of
/// their members.
/// </summary>
[JsonConverter(typeof(Converter))]
public sealed record ParameterValue
{
    private static readonly JsonSerializerOptions Canonical = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private ParameterValue(string json) => Json = json;

    /// <summary>Canonical JSON.</summary>
    public string Json { get; }

    /// <exception cref="ArgumentOutOfRangeException">Not finite: JSON has no such number.</exception>
    public static ParameterValue Of(double value) => double.IsFinite(value)
        ? new ParameterValue(NumberText(value))
        : throw new ArgumentOutOfRangeException(nameof(value), value, "A parameter's value is finite.");

    public static ParameterValue Of(long value) => new(value.ToString(CultureInfo.InvariantCulture));

    public static ParameterValue Of(string value) => new(JsonSerializer.Serialize(value, Canonical));

    public static ParameterValue Of(bool value) => new(value ? "true" : "false");

    public static ParameterValue Of(JsonNode? node) => new(Write(node is null ? default : JsonSerializer.SerializeToElement(node)));

    /// <summary>A node of its own, without parent; null for JSON's null.</summary>
    public JsonNode? ToNode() => JsonNode.Parse(Json);

    /// <summary>The number, where it is one.</summary>
    public double? AsNumber() =>
        Json[0] is '-' or (>= '0' and <= '9') ? double.Parse(Json, NumberStyles.Float, CultureInfo.InvariantCulture) : null;

    /// <summary>The text itself where it is a text, else its JSON: how a table shows it.</summary>
    public override string ToString() => Json[0] == '"' ? JsonSerializer.Deserialize<string>(Json)! : Json;

    private static string NumberText(double value) => value == 0 ? "0" : value.ToString("R", CultureInfo.InvariantCulture);

    private static string Write(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null => "null",
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        JsonValueKind.Number => element.TryGetInt64(out var whole)
            ? whole.ToString(CultureInfo.InvariantCulture)
            : Of(element.GetDouble()).Json,
        JsonValueKind.Array => $"[{string.Join(',', element.EnumerateArray().Select(Write))}]",
        JsonValueKind.Object => $"{{{string.Join(',', element.EnumerateObject().Select(member => $"{Of(member.Name).Json}:{Write(member.Value)}"))}}}",
        _ => Of(element.GetString()!).Json,
    };

    private sealed class Converter : JsonConverter<ParameterValue>
    {
        public override bool HandleNull => true;

        public override ParameterValue Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            new(ParameterValue.Write(JsonElement.ParseValue(ref reader)));

        public override void Write(Utf8JsonWriter writer, ParameterValue value, JsonSerializerOptions options) =>
            writer.WriteRawValue(value.Json);
    }
}
