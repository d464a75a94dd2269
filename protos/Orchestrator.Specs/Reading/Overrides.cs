using System.Globalization;
using System.Text.RegularExpressions;

namespace Orchestrator.Specs.Reading;

/// <summary><c>--set path=value</c>: replaces or adds one value, as if the file said so.</summary>
public static partial class Overrides
{
    public const string FileName = "--set";

    public static SpecNode.Map Apply(SpecNode.Map document, IReadOnlyList<string> overrides)
    {
        ArgumentNullException.ThrowIfNull(overrides);
        foreach (var text in overrides)
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            var place = new Place(FileName, 0, 0, equals > 0 ? text[..equals].Trim() : text);
            if (equals <= 0)
            {
                throw place.Error("syntax", "not of the form path=value", "--set training.epochs=3");
            }

            var path = place.Field.Split('.').SelectMany(Steps).ToArray();
            document = (SpecNode.Map)Replace(document, path, YamlReader.ReadValue(text[(equals + 1)..], place), place);
        }

        return document;
    }

    private static SpecNode Replace(SpecNode? node, ReadOnlySpan<string> path, SpecNode value, Place place)
    {
        if (path.IsEmpty)
        {
            return value;
        }

        switch (node)
        {
            case null or SpecNode.Scalar { IsNull: true }:
                return new SpecNode.Map(place, [new(path[0], Replace(null, path[1..], value, place))]);
            case SpecNode.Map map:
                return map.With(path[0], Replace(map[path[0]], path[1..], value, place));
            case SpecNode.List list when int.TryParse(path[0], NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < list.Items.Count:
                var items = list.Items.ToArray();
                items[index] = Replace(items[index], path[1..], value, place);
                return list with { Items = items };
            case SpecNode.List list:
                throw place.Error("out-of-range", $"the list has {list.Items.Count} items and no item {path[0]}");
            default:
                throw place.Error("wrong-type", $"there is {node.Kind} where {path[0]} should be inside", "set the whole value");
        }
    }

    private static IEnumerable<string> Steps(string part) => Step().Matches(part).Select(match => match.Value);

    [GeneratedRegex(@"[^\[\]]+", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 100)]
    private static partial Regex Step();
}
