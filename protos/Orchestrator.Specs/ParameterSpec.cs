using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Specs;

/// <summary>One entry of a sweep file's <c>parameters</c>, as written: the search space checks the values.</summary>
public sealed record ParameterSpec
{
    public string Name { get; init; } = "";

    public ParameterKind Kind { get; init; }

    /// <summary>uniform, loguniform, integer, quantized: the lowest value.</summary>
    public double Low { get; init; }

    /// <summary>uniform, loguniform, integer, quantized: the highest value.</summary>
    public double High { get; init; }

    /// <summary>quantized, and integer where it is told: the distance of two values.</summary>
    public double? Step { get; init; }

    /// <summary>integer: drawn evenly in the logarithm.</summary>
    public bool Log { get; init; }

    /// <summary>uniform and loguniform: how many values a grid takes of the range (<c>points: 5</c>); null where it isn't told.</summary>
    public int? Points { get; init; }

    /// <summary>choice: any JSON values; constant: the one value.</summary>
    public IReadOnlyList<JsonNode?> Choices { get; init; } = [];

    /// <summary>choice: neighbours in the list are alike.</summary>
    public bool Ordered { get; init; }

    /// <summary>What is believed of it before the first trial; null where nothing is.</summary>
    public PriorSpec? Prior { get; init; }

    /// <summary>The parameter applies only where each of these others meets its condition.</summary>
    public IReadOnlyDictionary<string, ConditionSpec> When { get; init; } = new Dictionary<string, ConditionSpec>();

    /// <summary>Of its name in the file, from 1.</summary>
    public int Line { get; init; }
}

/// <summary>A bell around a value, or a weight for each choice.</summary>
/// <param name="At">Null where there are weights.</param>
/// <param name="Spread">A standard deviation, as a share of the range in the parameter's own scale.</param>
/// <param name="Weights">In the order of the choices; empty where there is a bell.</param>
public sealed record PriorSpec(JsonNode? At, double? Spread, IReadOnlyList<double> Weights);

/// <summary>What another parameter's value must be: one of some values, or a number in a range.</summary>
/// <param name="Min">Itself included; null for no end, or no range.</param>
/// <param name="Max">Itself included; null for no end, or no range.</param>
public sealed record ConditionSpec(IReadOnlyList<JsonNode?> Values, double? Min = null, double? Max = null)
{
    public bool IsRange => Min is not null || Max is not null;

    public bool Holds(JsonNode? value) =>
        Values.Any(wanted => JsonNode.DeepEquals(wanted, value))
        || (IsRange && value?.GetValueKind() == JsonValueKind.Number && double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture) is var number
            && number >= (Min ?? double.NegativeInfinity) && number <= (Max ?? double.PositiveInfinity));
}

public enum ParameterKind
{
    Uniform,
    LogUniform,
    Integer,
    Quantized,
    Choice,
    Constant,
}
