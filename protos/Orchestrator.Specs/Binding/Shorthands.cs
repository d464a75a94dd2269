using System.Globalization;
using System.Text.Json.Nodes;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs.Binding;

/// <summary>Values with a notation of their own.</summary>
internal static class Shorthands
{
    /// <summary>augmentation's name -> the least and greatest amount; null where it takes none.</summary>
    private static readonly Dictionary<string, (double Least, double Greatest)?> Augmentations = new(StringComparer.Ordinal)
    {
        ["horizontal-flip"] = null,
        ["shift"] = (1, 1024),
        ["crop"] = (1, 1024),
    };

    /// <summary><c>1 epoch</c>, <c>5 epochs</c>, <c>500 steps</c></summary>
    public static Every Every(SpecNode node)
    {
        const string mend = "write: 1 epoch, or: 500 steps";
        if (node is not SpecNode.Scalar scalar || scalar.Text.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [var count, var unit])
        {
            throw node.Place.Error("wrong-type", $"a number and its unit are expected, not {node.Kind}", mend);
        }

        if (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < 1)
        {
            throw node.Place.Error("out-of-range", $"'{count}' is not a number from 1", mend);
        }

        return unit switch
        {
            "epoch" or "epochs" => new Every(number, EveryUnit.Epoch),
            "step" or "steps" => new Every(number, EveryUnit.Step),
            _ => throw node.Place.Error("unknown-value", $"'{unit}' is not a unit", mend),
        };
    }

    /// <summary><c>best 3</c></summary>
    public static int Keep(SpecNode node)
    {
        const string mend = "write: best 3";
        return node is SpecNode.Scalar scalar && scalar.Text.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["best", var count]
            && int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1
            ? number
            : throw node.Place.Error("wrong-type", $"which trials to keep is expected, not {node.Kind}", mend);
    }

    /// <summary><c>5s</c>, <c>10m</c>, <c>1h</c></summary>
    public static TimeSpan Duration(SpecNode node)
    {
        const string mend = "write: 30s, 10m or 2h";
        if (node is not SpecNode.Scalar { Text: { Length: > 1 } text }
            || !double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count))
        {
            throw node.Place.Error("wrong-type", $"a duration is expected, not {node.Kind}", mend);
        }

        var unit = text[^1] switch
        {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => throw node.Place.Error("unknown-value", $"'{text[^1]}' is not a unit of time", mend),
        };
        return count * unit is > 0 and <= 3.2e7 and var seconds
            ? TimeSpan.FromSeconds(seconds)
            : throw node.Place.Error("out-of-range", $"{text} is out of range", "it must be above 0 and at most a year");
    }

    /// <summary><c>best</c>, <c>last</c>, <c>last 3</c></summary>
    public static string At(SpecNode node) => node is SpecNode.Scalar { IsNull: false } scalar
        && scalar.Text.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["best" or "last"] or ["last", [>= '1' and <= '9', ..]] && LastOf(scalar.Text) is > 0 and <= 1000
        ? scalar.Text
        : throw node.Place.Error("unknown-value", $"which report counts is expected, not {(node is SpecNode.Scalar other ? $"'{other.Text}'" : node.Kind)}", "write: best, last, or for the mean of the last three: last 3");

    /// <summary>Over how many reports the value goes; 0 where it is no number.</summary>
    public static int LastOf(string at) => at.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var count]
        ? int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0
        : 1;

    /// <summary><c>horizontal-flip</c>, <c>{ shift: 2 }</c></summary>
    public static AugmentSpec Augment(SpecNode node)
    {
        var (name, amount) = node switch
        {
            SpecNode.Scalar scalar => (scalar.Text, null),
            SpecNode.Map { Fields: [var field] } => (field.Key, field.Value),
            _ => throw node.Place.Error("wrong-type", $"an augmentation's name is expected, not {node.Kind}", "write: horizontal-flip, or: { shift: 2 }"),
        };
        if (!Augmentations.TryGetValue(name, out var range))
        {
            throw node.Place.Error("unknown-value", $"there is no augmentation '{name}'", Suggestion.For(name, Augmentations.Keys));
        }

        if (range is not { } bounds)
        {
            return amount is null ? new AugmentSpec(name) : throw amount.Place.Error("wrong-type", $"{name} takes no amount", $"write: {name}");
        }

        var value = amount is not null && SpecNode.ToJson(amount) is JsonValue json && json.TryGetValue<long>(out var whole) ? whole : 0L;
        return value >= bounds.Least && value <= bounds.Greatest
            ? new AugmentSpec(name, value)
            : throw node.Place.Error("out-of-range", $"{name} takes a whole number of pixels from {bounds.Least} to {bounds.Greatest}", $"write: {{ {name}: 2 }}");
    }
}
