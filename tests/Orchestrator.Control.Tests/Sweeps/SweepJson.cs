using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Orchestrator.Control.Sweeps;

namespace Orchestrator.Control.Tests.Sweeps;

/// <summary>States and events as text, to compare them and to send them through what a journal does to them.</summary>
internal static class SweepJson
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter() },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { DescribeEvents } },
    };

    public static string Of<T>(T value) => JsonSerializer.Serialize(value, Options);

    public static T Copy<T>(T value) => JsonSerializer.Deserialize<T>(Of(value), Options)!;

    private static void DescribeEvents(JsonTypeInfo type)
    {
        if (type.Type != typeof(SweepEvent))
        {
            return;
        }

        type.PolymorphismOptions = new JsonPolymorphismOptions();
        foreach (var nested in typeof(SweepEvent).GetNestedTypes())
        {
            type.PolymorphismOptions.DerivedTypes.Add(new JsonDerivedType(nested, nested.Name));
        }
    }
}
