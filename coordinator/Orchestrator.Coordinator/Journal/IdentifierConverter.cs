using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orchestrator.Coordinator.Journal;

/// <summary>Writes <c>readonly record struct RunId(string Value)</c> and its kin as the bare value, and lets them be keys of dictionaries.</summary>
public sealed class IdentifierConverter : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) => ValueOf(typeToConvert) is not null;

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(
            typeof(Converter<,>).MakeGenericType(typeToConvert, ValueOf(typeToConvert)!.PropertyType), ValueOf(typeToConvert))!;

    /// <summary>The one value of an identifier, or null where the type is something else.</summary>
    private static PropertyInfo? ValueOf(Type type)
    {
        if (!type.IsValueType || type.IsPrimitive || type.IsEnum || type.IsGenericType || type.Namespace is null or "System"
            || type.Namespace.StartsWith("System.", StringComparison.Ordinal))
        {
            return null;
        }

        var constructors = type.GetConstructors();
        if (constructors.Length != 1 || constructors[0].GetParameters() is not [{ Name: { } name } parameter])
        {
            return null;
        }

        var value = type.GetProperty(name, BindingFlags.Public | BindingFlags.Instance);
        return value?.PropertyType == parameter.ParameterType
            && (parameter.ParameterType == typeof(string) || parameter.ParameterType == typeof(int) || parameter.ParameterType == typeof(long))
                ? value
                : null;
    }

    private sealed class Converter<TIdentifier, TValue>(PropertyInfo value) : JsonConverter<TIdentifier>
        where TIdentifier : struct
    {
        private readonly ConstructorInfo constructor = typeof(TIdentifier).GetConstructor([typeof(TValue)])!;

        public override TIdentifier Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Create(JsonSerializer.Deserialize<TValue>(ref reader, options));

        public override void Write(Utf8JsonWriter writer, TIdentifier identifier, JsonSerializerOptions options) =>
            JsonSerializer.Serialize(writer, (TValue?)value.GetValue(identifier), options);

        public override TIdentifier ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Create((TValue)Convert.ChangeType(reader.GetString()!, typeof(TValue), CultureInfo.InvariantCulture));

        public override void WriteAsPropertyName(Utf8JsonWriter writer, TIdentifier identifier, JsonSerializerOptions options) =>
            writer.WritePropertyName(Convert.ToString(value.GetValue(identifier), CultureInfo.InvariantCulture) ?? "");

        private TIdentifier Create(TValue? read) => (TIdentifier)constructor.Invoke([read]);
    }
}
