using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;

namespace Orchestrator.Specs.Binding;

/// <summary>The fields of a record as people write them.</summary>
public sealed class SpecRecord
{
    private static readonly ConcurrentDictionary<Type, SpecRecord> Known = [];

    private SpecRecord(Type type)
    {
        Type = type;
        Fields =
        [
            .. type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
                .Where(property => property.GetCustomAttribute<NotInFilesAttribute>() is null && property.CanWrite)
                .Select(property => (property, Rule: property.GetCustomAttribute<FieldAttribute>()!))
                .Select(field => new SpecField(
                    field.Rule is { Name.Length: > 0 } named ? named.Name : JsonNamingPolicy.SnakeCaseLower.ConvertName(field.property.Name), field.property, field.Rule)),
        ];
        if (Fields.FirstOrDefault(field => field.Rule is null) is { } bare)
        {
            throw new System.Diagnostics.UnreachableException($"{type.Name}.{bare.Property.Name} says nothing about itself.");
        }

        Shorthand = type.GetCustomAttribute<ShorthandAttribute>() is { } attribute
            ? Fields.Single(field => field.Property.Name == attribute.Property)
            : null;
    }

    public Type Type { get; }

    public IReadOnlyList<SpecField> Fields { get; }

    /// <summary>The field that a bare value stands for; null where a mapping is asked for.</summary>
    public SpecField? Shorthand { get; }

    public static SpecRecord Of(Type type) => Known.GetOrAdd(type, static type => new SpecRecord(type));
}

public sealed record SpecField(string Name, PropertyInfo Property, FieldAttribute Rule);
