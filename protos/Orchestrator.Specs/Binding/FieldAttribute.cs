namespace Orchestrator.Specs.Binding;

/// <summary>What a field of a file is, for the binder, the JSON Schema and the reference page alike.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class FieldAttribute(string description) : Attribute
{
    public string Description { get; } = description;

    /// <summary>Its name in files where it is not the property's in snake_case.</summary>
    public string Name { get; init; } = "";

    public bool Required { get; init; }

    /// <summary>Inclusive.</summary>
    public double Min { get; init; } = double.NegativeInfinity;

    /// <summary>Inclusive.</summary>
    public double Max { get; init; } = double.PositiveInfinity;

    /// <summary>Greater than, for numbers that may not be 0 itself.</summary>
    public double Above { get; init; } = double.NegativeInfinity;

    /// <summary>Less than.</summary>
    public double Below { get; init; } = double.PositiveInfinity;

    /// <summary>The words that a text may be, separated by spaces; any text where empty.</summary>
    public string OneOf { get; init; } = "";

    /// <summary>A notation of its own instead of the type's: <c>keep</c> for "best 3".</summary>
    public string Notation { get; init; } = "";
}

/// <summary>A record that may also be written as one value: that of the named property.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ShorthandAttribute(string property) : Attribute
{
    public string Property { get; } = property;
}

/// <summary>Not written by people.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class NotInFilesAttribute : Attribute;
