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

    /// <summary>The parameter applies only where each of these others has one of the values.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<JsonNode?>> When { get; init; } = new Dictionary<string, IReadOnlyList<JsonNode?>>();

    /// <summary>Of its name in the file, from 1.</summary>
    public int Line { get; init; }
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
