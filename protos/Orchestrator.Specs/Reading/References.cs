using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orchestrator.Specs.Reading;

/// <summary><c>$name</c> anywhere in a file stands for the value of a parameter.</summary>
public static class References
{
    /// <summary>Every reference in the document, with its place.</summary>
    public static IEnumerable<SpecNode.Scalar> In(SpecNode node) => node switch
    {
        SpecNode.Scalar { Reference: not null } scalar => [scalar],
        SpecNode.List list => list.Items.SelectMany(In),
        SpecNode.Map map => map.Fields.SelectMany(field => In(field.Value)),
        _ => [],
    };

    /// <summary>The document with values in the references' places; a field whose parameter has none is left out.</summary>
    public static SpecNode? Resolve(SpecNode node, IReadOnlyDictionary<string, JsonNode?> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        switch (node)
        {
            case SpecNode.Scalar { Reference: { } name } scalar:
                return values.TryGetValue(name, out var value) ? FromJson(value, scalar.Place) : null;
            case SpecNode.List list:
                return list with { Items = [.. list.Items.Select(item => Resolve(item, values)).OfType<SpecNode>()] };
            case SpecNode.Map map:
                return map with
                {
                    Fields = [.. from field in map.Fields let resolved = Resolve(field.Value, values) where resolved is not null select KeyValuePair.Create(field.Key, resolved)],
                };
            default:
                return node;
        }
    }

    private static SpecNode FromJson(JsonNode? value, Place place) => value switch
    {
        null => new SpecNode.Scalar(place, "", Quoted: false),
        JsonArray array => new SpecNode.List(place, [.. array.Select(item => FromJson(item, place))]),
        JsonObject map => new SpecNode.Map(place, [.. map.Select(field => KeyValuePair.Create(field.Key, FromJson(field.Value, place.Child(field.Key))))]),
        JsonValue text when text.GetValueKind() == JsonValueKind.String => new SpecNode.Scalar(place, text.GetValue<string>(), Quoted: true),
        JsonValue number when number.TryGetValue<double>(out var real) => new SpecNode.Scalar(place, real.ToString("R", CultureInfo.InvariantCulture), Quoted: false),
        _ => new SpecNode.Scalar(place, value.ToJsonString(), Quoted: false),
    };
}
