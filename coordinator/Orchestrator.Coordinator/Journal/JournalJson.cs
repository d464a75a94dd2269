using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Orchestrator.Coordinator.Journal;

/// <summary>
/// How events and states are written: camelCase, enums by name, identifiers as their bare value, NaN and infinities by name, and a closed family
/// (an abstract record with its cases nested in it) with the case's name under <c>$type</c>.
/// </summary>
public static class JournalJson
{
    public static JsonSerializerOptions Options { get; } = Create();

    /// <summary>The cases of a closed family: the concrete records nested in the abstract one.</summary>
    public static IReadOnlyList<Type> CasesOf(Type family) =>
        [.. family.GetNestedTypes(BindingFlags.Public | BindingFlags.NonPublic).Where(nested => !nested.IsAbstract && nested.IsSubclassOf(family))];

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase), new IdentifierConverter() },
            TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { DescribeFamily } },
        };
        options.MakeReadOnly();
        return options;
    }

    private static void DescribeFamily(JsonTypeInfo type)
    {
        if (!type.Type.IsAbstract || type.Kind is not JsonTypeInfoKind.Object || CasesOf(type.Type) is not { Count: > 0 } cases)
        {
            return;
        }

        type.PolymorphismOptions = new JsonPolymorphismOptions();
        foreach (var nested in cases)
        {
            type.PolymorphismOptions.DerivedTypes.Add(new JsonDerivedType(nested, nested.Name));
        }
    }
}
