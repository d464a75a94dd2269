using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Specs.Binding;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs;

/// <summary>Reads a sweep file's <c>parameters</c>: one kind each, with its values, and under which conditions it applies.</summary>
internal static class ParameterReader
{
    private static readonly Dictionary<string, ParameterKind> Kinds = new(StringComparer.Ordinal)
    {
        ["uniform"] = ParameterKind.Uniform,
        ["loguniform"] = ParameterKind.LogUniform,
        ["integer"] = ParameterKind.Integer,
        ["quantized"] = ParameterKind.Quantized,
        ["choice"] = ParameterKind.Choice,
        ["constant"] = ParameterKind.Constant,
    };

    /// <summary>What may stand beside the kind.</summary>
    private static readonly Dictionary<ParameterKind, string[]> Options = new()
    {
        [ParameterKind.Uniform] = ["when", "points"],
        [ParameterKind.LogUniform] = ["when", "points"],
        [ParameterKind.Integer] = ["when", "step", "log"],
        [ParameterKind.Quantized] = ["when"],
        [ParameterKind.Choice] = ["when"],
        [ParameterKind.Constant] = ["when"],
    };

    public static IReadOnlyList<ParameterSpec> Read(SpecNode node) => node is SpecNode.Map { Fields.Count: > 0 } map
        ? [.. map.Fields.Select(field => Read(field.Key, field.Value))]
        : throw node.Place.Error("empty-space", "there is nothing to search", "parameters: { lr: { loguniform: [1e-4, 1e-1] } }");

    private static ParameterSpec Read(string name, SpecNode node)
    {
        if (node is not SpecNode.Map map || map.Fields.Where(field => Kinds.ContainsKey(field.Key)).ToArray() is not [var (kindName, value)])
        {
            var nearest = node is SpecNode.Map { Fields: [var (word, _), ..] } ? Suggestion.For(word, Kinds.Keys) : "lr: { loguniform: [1e-4, 1e-1] }";
            throw node.Place.Error("wrong-type", $"one kind of parameter is expected ({string.Join(", ", Kinds.Keys)})", nearest);
        }

        var kind = Kinds[kindName];
        if (map.Fields.FirstOrDefault(field => field.Key != kindName && !Options[kind].Contains(field.Key, StringComparer.Ordinal)) is { Key: { } unknown })
        {
            throw map[unknown]!.Place.Error("unknown-field", $"{kindName} takes no such field", Suggestion.For(unknown, Options[kind]));
        }

        var parameter = new ParameterSpec { Name = name, Kind = kind, Line = node.Place.Line, When = Conditions(map["when"]) };
        return kind switch
        {
            ParameterKind.Choice => parameter with { Choices = Choices(value) },
            ParameterKind.Constant => parameter with { Choices = [SpecNode.ToJson(value)] },
            ParameterKind.Quantized => Range(parameter, value, 3),
            _ => Range(parameter, value, 2) with
            {
                Step = map["step"] is { } step ? Number(step) : null,
                Log = map["log"] is { } log && (SpecNode.ToJson(log)?.GetValueKind() is JsonValueKind.True),
                Points = map["points"] is { } points ? (int)Whole(points, Number(points)) : null,
            },
        };
    }

    private static ParameterSpec Range(ParameterSpec parameter, SpecNode node, int count)
    {
        var form = count == 3 ? "[low, high, step]" : "[low, high]";
        if (node is not SpecNode.List list || list.Items.Count != count)
        {
            throw node.Place.Error("wrong-type", $"{form} is expected, not {node.Kind}", $"write: {form}");
        }

        var numbers = list.Items.Select(Number).ToArray();
        if (numbers[0] >= numbers[1])
        {
            throw node.Place.Error("empty-space", $"low {Show(numbers[0])} is not below high {Show(numbers[1])}", "a single value is a constant");
        }

        if ((parameter.Kind == ParameterKind.LogUniform || parameter.Log) && numbers[0] <= 0)
        {
            throw node.Place.Error("out-of-range", $"low {Show(numbers[0])} has no logarithm", "low must be above 0");
        }

        if (parameter.Kind == ParameterKind.Integer)
        {
            Whole(list.Items[0], numbers[0]);
            Whole(list.Items[1], numbers[1]);
        }

        if (count == 3 && (numbers[2] <= 0 || numbers[2] > numbers[1] - numbers[0]))
        {
            throw list.Items[2].Place.Error("out-of-range", $"step {Show(numbers[2])} does not fit between {Show(numbers[0])} and {Show(numbers[1])}");
        }

        return parameter with { Low = numbers[0], High = numbers[1], Step = count == 3 ? numbers[2] : null };
    }

    private static IReadOnlyList<JsonNode?> Choices(SpecNode node) => node is SpecNode.List { Items.Count: > 0 } list
        ? [.. list.Items.Select(SpecNode.ToJson)]
        : throw node.Place.Error("empty-space", $"a list of choices is expected, not {(node is SpecNode.List ? "an empty list" : node.Kind)}", "choice: [sgd, adamw]");

    private static Dictionary<string, IReadOnlyList<JsonNode?>> Conditions(SpecNode? node) => node switch
    {
        null => [],
        SpecNode.Map map => map.Fields.ToDictionary(
            field => field.Key,
            field => (IReadOnlyList<JsonNode?>)(field.Value is SpecNode.List list ? [.. list.Items.Select(SpecNode.ToJson)] : [SpecNode.ToJson(field.Value)]),
            StringComparer.Ordinal),
        _ => throw node.Place.Error("wrong-type", $"a mapping of parameter to value is expected, not {node.Kind}", "when: { optimizer: sgd }"),
    };

    private static double Number(SpecNode node) => SpecNode.ToJson(node) is JsonValue value && value.GetValueKind() == JsonValueKind.Number
        ? value.TryGetValue<long>(out var whole) ? whole : value.GetValue<double>()
        : throw node.Place.Error("wrong-type", $"a number is expected, not {node.Kind}");

    private static double Whole(SpecNode node, double value) => value == Math.Floor(value) && Math.Abs(value) < 1L << 53
        ? value
        : throw node.Place.Error("wrong-type", $"a whole number is expected, not {Show(value)}");

    private static string Show(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
