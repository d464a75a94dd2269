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
