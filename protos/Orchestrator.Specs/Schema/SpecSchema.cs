using System.Text.Json.Nodes;
using Orchestrator.Specs.Binding;
using Orchestrator.Specs.Models;

namespace Orchestrator.Specs.Schema;

/// <summary>The JSON Schema (draft 2020-12) of run and sweep files, made of the same rules as the binder's, for editors.</summary>
public static class SpecSchema
{
    public static JsonObject Run() => File("Run file", RunFields());

    public static JsonObject Sweep()
    {
        var fields = RunFields();
        fields["search"] = Of(typeof(SearchSpec));
        fields["parameters"] = new JsonObject
        {
            ["type"] = "object",
            ["minProperties"] = 1,
            ["description"] = "The search space: a kind and its values for each name; $name anywhere in the file stands for the trial's value.",
            ["additionalProperties"] = Parameter(),
        };
        fields["constraints"] = new JsonObject
        {
            ["type"] = "array",
            ["items"] = new JsonObject { ["type"] = "string" },
            ["description"] = "What must hold between numeric parameters: x + 2 * y <= 1.",
        };
        // A sweep of external trials has no dataset.
        var file = File("Sweep file", fields);
        file["required"] = new JsonArray("name", "search");
        ((JsonArray)file["required"]!).Add("parameters");
        return file;
    }

    private static JsonObject RunFields()
    {
        var fields = (JsonObject)Of(typeof(RunSpec))["properties"]!.DeepClone();
        fields["model"] = new JsonObject
        {
            ["description"] = "The family's own fields; here those of the built-in ones.",
            ["anyOf"] = new JsonArray([.. ModelCatalog.Families.Values.Select(family => Of(family.Model)), new JsonObject { ["type"] = "object" }]),
        };
        return fields;
    }

    private static JsonObject File(string title, JsonObject fields) => new()
    {
        ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
        ["title"] = title,
        ["type"] = "object",
        ["properties"] = fields,
        ["required"] = new JsonArray("name"),
        ["additionalProperties"] = false,
    };

    private static JsonObject Of(Type type)
    {
        var record = SpecRecord.Of(type);
        var mapping = new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject(record.Fields.Select(field => KeyValuePair.Create(field.Name, (JsonNode?)OrReference(Of(field))))),
            ["additionalProperties"] = false,
        };
        if (record.Fields.Where(field => field.Rule.Required).Select(field => (JsonNode?)field.Name).ToArray() is { Length: > 0 } required)
        {
            mapping["required"] = new JsonArray(required);
        }

        return record.Shorthand is { } shorthand ? new JsonObject { ["anyOf"] = new JsonArray(Of(shorthand), mapping) } : mapping;
    }

    private static JsonObject Of(SpecField field)
    {
        var schema = Of(field.Property.PropertyType, field.Rule);
        schema["description"] = field.Rule.Description;
        return schema;
    }

    private static JsonObject Of(Type type, FieldAttribute rule)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string) && rule.OneOf.Length > 0)
        {
            return new JsonObject { ["enum"] = new JsonArray([.. rule.OneOf.Split(' ').Select(word => (JsonNode?)word)]) };
        }

        if (type == typeof(string) || type == typeof(Every) || type == typeof(PackageSpec) || rule.Notation.Length > 0)
        {
            return new JsonObject { ["type"] = "string" };
        }

        if (type == typeof(bool))
        {
            return new JsonObject { ["type"] = "boolean" };
        }

        if (type == typeof(int) || type == typeof(long) || type == typeof(double))
        {
            return Number(type == typeof(double) ? "number" : "integer", rule);
        }

        if (type == typeof(AugmentSpec))
        {
            return new JsonObject { ["type"] = new JsonArray("string", "object") };
        }

        if (type == typeof(JsonObject) || type == typeof(IReadOnlyDictionary<string, string>))
        {
            return new JsonObject { ["type"] = "object" };
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
        {
            var item = Of(type.GetGenericArguments()[0], rule);
            return new JsonObject { ["anyOf"] = new JsonArray(item, new JsonObject { ["type"] = "array", ["items"] = OrReference((JsonObject)item.DeepClone()) }) };
        }

        return Of(type);
    }

    private static JsonObject Number(string type, FieldAttribute rule)
    {
        var schema = new JsonObject { ["type"] = type };
        Add("minimum", rule.Min);
        Add("maximum", rule.Max);
        Add("exclusiveMinimum", rule.Above);
        Add("exclusiveMaximum", rule.Below);
        return schema;

        void Add(string keyword, double bound)
        {
            if (double.IsFinite(bound))
            {
                schema[keyword] = bound == Math.Floor(bound) ? (long)bound : bound;
            }
        }
    }

    /// <summary>In a sweep file every value may be a reference instead.</summary>
    private static JsonObject OrReference(JsonObject schema) => new()
    {
        ["anyOf"] = new JsonArray(schema, new JsonObject { ["type"] = "string", ["pattern"] = "^\\$[A-Za-z_]" }),
    };

    private static JsonObject Parameter()
    {
        var range = new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["type"] = "number" }, ["minItems"] = 2, ["maxItems"] = 2 };
        var quantized = (JsonObject)range.DeepClone();
        quantized["minItems"] = 3;
        quantized["maxItems"] = 3;
        return new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject
            {
                ["uniform"] = range,
                ["loguniform"] = range.DeepClone(),
                ["integer"] = range.DeepClone(),
                ["quantized"] = quantized,
                ["choice"] = new JsonObject { ["type"] = "array", ["minItems"] = 1 },
                ["constant"] = new JsonObject(),
                ["when"] = new JsonObject { ["type"] = "object", ["description"] = "The parameter applies only where these others have this value, one of these, or one in { min: a, max: b }." },
                ["prior"] = new JsonObject { ["type"] = new JsonArray("object", "array"), ["description"] = "sampler: tpe: what is believed before the first trial: { at: 0.01, spread: 0.2 }, the spread as a share of the range; or a weight for each choice: [3, 1]." },
                ["step"] = new JsonObject { ["type"] = "number", ["description"] = "integer: the distance of two values." },
                ["log"] = new JsonObject { ["type"] = "boolean", ["description"] = "integer: drawn evenly in the logarithm." },
                ["ordered"] = new JsonObject { ["type"] = "boolean", ["description"] = "choice: neighbours in the list are alike." },
                ["points"] = new JsonObject { ["type"] = "integer", ["minimum"] = 1, ["description"] = "uniform, loguniform: how many values a grid takes." },
            },
            ["additionalProperties"] = false,
        };
    }
}
