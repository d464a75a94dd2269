using System.Text.Json.Serialization;

namespace Orchestrator.Search;

/// <summary>The parameter applies only where the parent applies and has one of the values or lies in the range.</summary>
/// <param name="Min">The range's lowest number, itself included; null for no end or no range.</param>
/// <param name="Max">The range's highest number, itself included; null for no end or no range.</param>
public sealed record Condition(
    string Parent,
    IReadOnlyList<ParameterValue> Values,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Min = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Max = null)
{
    [JsonIgnore]
    public bool IsRange => Min is not null || Max is not null;

    /// <param name="value">The parent's.</param>
    public bool Holds(ParameterValue value) =>
        Values.Contains(value)
        || (IsRange && value.AsNumber() is { } number && number >= (Min ?? double.NegativeInfinity) && number <= (Max ?? double.PositiveInfinity));
}
