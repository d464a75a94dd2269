using System.Text.Json.Nodes;
using Google.Protobuf.Reflection;

namespace Orchestrator.Coordinator.Api.OpenApi;

/// <summary>JSON schemas of the messages that have been asked for, and of those in them.</summary>
internal sealed class SchemaSet
{
    private const string ErrorName = "Error";

    private readonly Dictionary<string, MessageDescriptor> _messages = new(StringComparer.Ordinal);
    private readonly Queue<MessageDescriptor> _unwritten = new();

    /// <summary>Simple fields can stand in a query; maps and messages can't.</summary>
    public static bool IsSimple(FieldDescriptor field) => !field.IsMap && field.FieldType != FieldType.Message;

    public JsonObject Reference(MessageDescriptor message)
    {
        if (WellKnown(message) is { } known)
        {
            return known;
        }

        if (_messages.TryAdd(message.Name, message))
        {
            _unwritten.Enqueue(message);
        }
        else if (_messages[message.Name] != message)
        {
            throw new InvalidOperationException($"Two messages are called {message.Name}.");
        }

        return To(message.Name);
    }

    /// <summary>A message without some of its fields, for a body whose other fields stand in the path.</summary>
    public JsonObject Inline(MessageDescriptor message, IReadOnlyCollection<string> without)
    {
        var properties = new JsonObject();
        foreach (var field in message.Fields.InDeclarationOrder().Where(field => !without.Contains(field.Name)))
        {
            properties[field.JsonName] = Field(field);
        }

        return new JsonObject { ["type"] = "object", ["properties"] = properties };
    }

    public JsonObject Field(FieldDescriptor field)
    {
        if (field.IsMap)
        {
            return new JsonObject { ["type"] = "object", ["additionalProperties"] = Single(field.MessageType.FindFieldByNumber(2)) };
        }

        return field.IsRepeated ? new JsonObject { ["type"] = "array", ["items"] = Single(field) } : Single(field);
    }

    /// <summary>The form of every error: <c>google.rpc.Status</c>.</summary>
    public JsonObject Error() => To(ErrorName);

    public JsonObject Build()
    {
        var written = new SortedDictionary<string, JsonObject>(StringComparer.Ordinal)
        {
            [ErrorName] = new JsonObject
            {
                ["type"] = "object",
                ["properties"] = new JsonObject
                {
                    ["code"] = new JsonObject { ["type"] = "integer", ["description"] = "A gRPC status code." },
                    ["message"] = new JsonObject { ["type"] = "string" },
                    ["details"] = new JsonObject { ["type"] = "array", ["items"] = Reference(V1.UserError.Descriptor) },
                },
            },
        };
        while (_unwritten.TryDequeue(out var message))
        {
            written[message.Name] = Inline(message, []);
        }

        return new JsonObject(written.Select(schema => new KeyValuePair<string, JsonNode?>(schema.Key, schema.Value)));
    }

    private JsonObject Single(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message or FieldType.Group => Reference(field.MessageType),
        FieldType.Enum => new JsonObject { ["type"] = "string", ["enum"] = new JsonArray([.. field.EnumType.Values.Select(value => JsonValue.Create(value.Name))]) },
        FieldType.Bool => Type("boolean"),
        FieldType.String => Type("string"),
        FieldType.Bytes => Type("string", "byte"),
        FieldType.Double => Type("number", "double"),
        FieldType.Float => Type("number", "float"),
        FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 or FieldType.UInt64 or FieldType.Fixed64 => Type("integer", "int64"),
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 or FieldType.UInt32 or FieldType.Fixed32 => Type("integer", "int32"),
        _ => throw new InvalidOperationException($"{field.FullName} has an unknown type."),
    };

    private static JsonObject? WellKnown(MessageDescriptor message) => message.FullName switch
    {
        "google.protobuf.Struct" => new JsonObject { ["type"] = "object", ["additionalProperties"] = true },
        "google.protobuf.Value" => [],
        "google.protobuf.ListValue" => new JsonObject { ["type"] = "array", ["items"] = new JsonObject() },
        "google.protobuf.Timestamp" => Type("string", "date-time"),
        "google.protobuf.Duration" => Type("string"),
        _ => null,
    };

    private static JsonObject To(string name) => new() { ["$ref"] = $"#/components/schemas/{name}" };

    private static JsonObject Type(string type, string? format = null) => format is null
        ? new JsonObject { ["type"] = type }
        : new JsonObject { ["type"] = type, ["format"] = format };
}
