using System.Collections;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs.Binding;

/// <summary>Binds a file's values to records, by the rules on their properties. Every mistake is a <see cref="SpecException"/> with its place and the mend.</summary>
public static class Binder
{
    public static T Bind<T>(SpecNode node)
        where T : class => (T)BindRecord(typeof(T), node);

    private static object BindRecord(Type type, SpecNode node)
    {
        var record = SpecRecord.Of(type);
        if (node is not SpecNode.Map map)
        {
            if (record.Shorthand is not { } shorthand)
            {
                throw node.Place.Error("wrong-type", $"a mapping is expected, not {node.Kind}", $"fields: {Names(record)}");
            }

            map = new SpecNode.Map(node.Place, [new(shorthand.Name, node)]);
        }

        var result = Activator.CreateInstance(type)!;
        foreach (var (name, value) in map.Fields)
        {
            var field = record.Fields.FirstOrDefault(field => field.Name == name)
                ?? throw value.Place.Error("unknown-field", "there is no such field", Suggestion.For(name, [.. record.Fields.Select(field => field.Name)]));
            if (value is not SpecNode.Scalar { IsNull: true })
            {
                field.Property.SetValue(result, BindValue(field.Property.PropertyType, value, field.Rule));
            }
        }

        var missing = record.Fields.FirstOrDefault(field => field.Rule.Required && map[field.Name] is null or SpecNode.Scalar { IsNull: true });
        return missing is null ? result : throw map.Place.Child(missing.Name).Error("missing-field", "this field is needed", missing.Rule.Description);
    }

    private static object BindValue(Type type, SpecNode node, FieldAttribute rule)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(JsonObject))
        {
            return node is SpecNode.Map map ? SpecNode.ToJson(map)!.AsObject() : throw node.Place.Error("wrong-type", $"a mapping is expected, not {node.Kind}");
        }

        if (type == typeof(Every))
        {
            return Shorthands.Every(node);
        }

        if (rule.Notation == "keep")
        {
            return Shorthands.Keep(node);
        }

        if (rule.Notation == "duration")
        {
            return Shorthands.Duration(node);
        }

        if (rule.Notation == "at")
        {
            return Shorthands.At(node);
        }

        if (type == typeof(AugmentSpec))
        {
            return Shorthands.Augment(node);
        }

        if (type == typeof(PackageSpec))
        {
            return new PackageSpec(Text(node, rule));
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>))
        {
            return Labels(node);
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
        {
            return BindList(type.GetGenericArguments()[0], node, rule);
        }

        return BindScalar(type, node, rule);
    }

    private static object BindScalar(Type type, SpecNode node, FieldAttribute rule) => type switch
    {
        _ when type == typeof(string) => Text(node, rule),
        _ when type == typeof(bool) => Value(node) is JsonValue value && value.TryGetValue<bool>(out var flag)
            ? flag
            : throw node.Place.Error("wrong-type", $"true or false is expected, not {node.Kind}"),
        _ when type == typeof(int) => (int)Integer(node, rule, int.MinValue, int.MaxValue),
        _ when type == typeof(long) => Integer(node, rule, long.MinValue, long.MaxValue),
        _ when type == typeof(double) => Number(node, rule),
        _ => BindRecord(type, node),
    };

    /// <summary>One value stands for a list of one.</summary>
    private static IList BindList(Type item, SpecNode node, FieldAttribute rule)
    {
        IReadOnlyList<SpecNode> items = node is SpecNode.List list ? list.Items : [node];
        var result = Array.CreateInstance(item, items.Count);
        for (var i = 0; i < items.Count; i++)
        {
            result.SetValue(BindValue(item, items[i], rule), i);
        }

        return result;
    }

    private static Dictionary<string, string> Labels(SpecNode node) => node is SpecNode.Map map
        ? map.Fields.ToDictionary(field => field.Key, field => field.Value is SpecNode.Scalar scalar ? scalar.Text : throw field.Value.Place.Error("wrong-type", $"a text is expected, not {field.Value.Kind}"), StringComparer.Ordinal)
        : throw node.Place.Error("wrong-type", $"a mapping of labels is expected, not {node.Kind}", "labels: { team: vision }");

    private static string Text(SpecNode node, FieldAttribute rule)
    {
        if (node is not SpecNode.Scalar { IsNull: false } scalar)
        {
            throw node.Place.Error("wrong-type", $"a text is expected, not {node.Kind}");
        }

        var words = rule.OneOf.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words.Length == 0 || words.Contains(scalar.Text, StringComparer.Ordinal)
            ? scalar.Text
            : throw node.Place.Error("unknown-value", $"'{scalar.Text}' is not known here", Suggestion.For(scalar.Text, words));
    }

    private static long Integer(SpecNode node, FieldAttribute rule, long least, long greatest)
    {
        var value = Value(node) is JsonValue json && json.GetValueKind() == JsonValueKind.Number
            ? json.TryGetValue<long>(out var whole) ? whole : json.GetValue<double>()
            : throw node.Place.Error("wrong-type", $"a whole number is expected, not {node.Kind}");
        if (value != Math.Floor(value))
        {
            throw node.Place.Error("wrong-type", $"a whole number is expected, not {Show(value)}");
        }

        if (value < least || value > greatest)
        {
            throw node.Place.Error("out-of-range", $"{Show(value)} is too large");
        }

        InRange(node, rule, value);
        return json!.TryGetValue<long>(out var exact) ? exact : (long)value;
    }

    private static double Number(SpecNode node, FieldAttribute rule)
    {
        var value = Value(node) is JsonValue json && json.GetValueKind() == JsonValueKind.Number
            ? json.TryGetValue<long>(out var whole) ? whole : json.GetValue<double>()
            : throw node.Place.Error("wrong-type", $"a number is expected, not {node.Kind}");
        InRange(node, rule, value);
        return value;
    }

    private static void InRange(SpecNode node, FieldAttribute rule, double value)
    {
        if (value < rule.Min || value > rule.Max || value <= rule.Above || value >= rule.Below)
        {
            throw node.Place.Error("out-of-range", $"{Show(value)} is out of range", $"it must be {Range(rule)}");
        }
    }

    /// <summary>The rule in words: at least 1, above 0 and at most 1.</summary>
    public static string Range(FieldAttribute rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        var parts = new List<string>();
        Add(rule.Min, "at least");
        Add(rule.Above, "above");
        Add(rule.Max, "at most");
        Add(rule.Below, "below");
        return string.Join(" and ", parts);

        void Add(double bound, string word)
        {
            if (double.IsFinite(bound))
            {
                parts.Add($"{word} {Show(bound)}");
            }
        }
    }

    private static JsonNode? Value(SpecNode node) => node is SpecNode.Scalar ? SpecNode.ToJson(node) : null;

    private static string Show(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Names(SpecRecord record) => string.Join(", ", record.Fields.Select(field => field.Name));
}
