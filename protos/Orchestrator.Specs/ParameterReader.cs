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
        [ParameterKind.Uniform] = ["when", "prior", "points"],
        [ParameterKind.LogUniform] = ["when", "prior", "points"],
        [ParameterKind.Integer] = ["when", "prior", "step", "log"],
        [ParameterKind.Quantized] = ["when", "prior"],
        [ParameterKind.Choice] = ["when", "prior", "ordered"],
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

        var parameter = new ParameterSpec { Name = name, Kind = kind, Line = node.Place.Line, When = Conditions(map["when"]), Prior = Prior(map["prior"]) };
        return kind switch
        {
            ParameterKind.Choice => parameter with { Choices = Choices(value), Ordered = IsTrue(map["ordered"]) },
            ParameterKind.Constant => parameter with { Choices = [SpecNode.ToJson(value)] },
            ParameterKind.Quantized => Range(parameter, value, 3),
            _ => Range(parameter, value, 2) with
            {
                Step = map["step"] is { } step ? Number(step) : null,
                Log = IsTrue(map["log"]),
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

    /// <summary><c>constraints</c>: what must hold between parameters, for the search space to read.</summary>
    public static IReadOnlyList<string> Constraints(SpecNode? node) => node switch
    {
        null => [],
        SpecNode.List list => [.. list.Items.Select(item => SpecNode.ToJson(item) is JsonValue value && value.GetValueKind() == JsonValueKind.String
            ? value.GetValue<string>()
            : throw item.Place.Error("wrong-type", $"a comparison is expected, not {item.Kind}", "constraints: [\"x + y <= 1\"]"))],
        _ => throw node.Place.Error("wrong-type", $"a list of comparisons is expected, not {node.Kind}", "constraints: [\"x + y <= 1\"]"),
    };

    /// <summary><c>{ at: 0.01, spread: 0.2 }</c>, or for a choice <c>[3, 1]</c>.</summary>
    private static PriorSpec? Prior(SpecNode? node) => node switch
    {
        null => null,
        SpecNode.List { Items.Count: > 0 } list => new PriorSpec(null, null, [.. list.Items.Select(Number)]),
        SpecNode.Map map when map["at"] is SpecNode.Scalar at && map.Fields.All(field => field.Key is "at" or "spread") =>
            new PriorSpec(SpecNode.ToJson(at), map["spread"] is { } spread ? Number(spread) : null, []),
        _ => throw node.Place.Error("wrong-type", $"what is believed of the parameter is expected, not {node.Kind}", "prior: { at: 0.01, spread: 0.2 }, or for a choice a weight for each value: prior: [3, 1]"),
    };

    private static bool IsTrue(SpecNode? node) => node is not null && SpecNode.ToJson(node)?.GetValueKind() is JsonValueKind.True;

    private static Dictionary<string, ConditionSpec> Conditions(SpecNode? node) => node switch
    {
        null => [],
        SpecNode.Map map => map.Fields.ToDictionary(field => field.Key, field => Condition(field.Value), StringComparer.Ordinal),
        _ => throw node.Place.Error("wrong-type", $"a mapping of parameter to value is expected, not {node.Kind}", "when: { optimizer: sgd }"),
    };

    /// <summary>A value, a list of values, or a mapping with min or max or both: no value of a choice is such a mapping in practice, and it may stand in a list.</summary>
    private static ConditionSpec Condition(SpecNode node) => node switch
    {
        SpecNode.List list => new ConditionSpec([.. list.Items.Select(SpecNode.ToJson)]),
        SpecNode.Map { Fields.Count: > 0 } map when map.Fields.All(field => field.Key is "min" or "max") =>
            new ConditionSpec([], map["min"] is { } min ? Number(min) : null, map["max"] is { } max ? Number(max) : null),
        _ => new ConditionSpec([SpecNode.ToJson(node)]),
    };

    private static double Number(SpecNode node) => SpecNode.ToJson(node) is JsonValue value && value.GetValueKind() == JsonValueKind.Number
        ? value.TryGetValue<long>(out var whole) ? whole : value.GetValue<double>()
        : throw node.Place.Error("wrong-type", $"a number is expected, not {node.Kind}");

    private static double Whole(SpecNode node, double value) => value == Math.Floor(value) && Math.Abs(value) < 1L << 53
        ? value
        : throw node.Place.Error("wrong-type", $"a whole number is expected, not {Show(value)}");

    private static string Show(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
