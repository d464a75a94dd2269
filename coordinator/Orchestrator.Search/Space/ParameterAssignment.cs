using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orchestrator.Search;

/// <summary>A trial's parameters by name, in the space's declared order; those that do not apply are absent. Equal where names and values are.</summary>
[JsonConverter(typeof(Converter))]
public sealed class ParameterAssignment : IReadOnlyDictionary<string, ParameterValue>, IEquatable<ParameterAssignment>
{
    private readonly OrderedDictionary<string, ParameterValue> values;

    public ParameterAssignment(IEnumerable<KeyValuePair<string, ParameterValue>> values) =>
        this.values = new OrderedDictionary<string, ParameterValue>(values, StringComparer.Ordinal);

    public static ParameterAssignment Empty { get; } = new([]);

    /// <summary>A memory of <see cref="PointCodec.Encode"/>, no part of the value.</summary>
    internal EncodedPoint? Encoded { get; set; }

    public int Count => values.Count;

    public IEnumerable<string> Keys => values.Keys;

    public IEnumerable<ParameterValue> Values => values.Values;

    public ParameterValue this[string key] => values[key];

    public bool ContainsKey(string key) => values.ContainsKey(key);

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out ParameterValue value) => values.TryGetValue(key, out value);

    public IEnumerator<KeyValuePair<string, ParameterValue>> GetEnumerator() => values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public bool Equals(ParameterAssignment? other) =>
        other is not null && other.Count == Count && this.All(pair => other.TryGetValue(pair.Key, out var value) && value == pair.Value);

    public override bool Equals(object? obj) => Equals(obj as ParameterAssignment);

    public override int GetHashCode() =>
        this.Aggregate(Count, (hash, pair) => hash ^ HashCode.Combine(pair.Key.GetHashCode(StringComparison.Ordinal), pair.Value));

    public override string ToString() => string.Join(", ", this.Select(pair => $"{pair.Key}={pair.Value}"));

    private sealed class Converter : JsonConverter<ParameterAssignment>
    {
        public override ParameterAssignment Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            new(JsonSerializer.Deserialize<OrderedDictionary<string, ParameterValue>>(ref reader, options) ?? []);

        public override void Write(Utf8JsonWriter writer, ParameterAssignment value, JsonSerializerOptions options)
        {
            writer.WriteStartObject();
            foreach (var (name, parameter) in value)
            {
                writer.WritePropertyName(name);
                writer.WriteRawValue(parameter.Json);
            }

            writer.WriteEndObject();
        }
    }
}
