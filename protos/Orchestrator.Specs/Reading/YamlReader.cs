using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Orchestrator.Specs.Reading;

/// <summary>Reads one YAML document into nodes with places. Bounded: size, depth; no aliases, so no document grows beyond its text.</summary>
public static class YamlReader
{
    public const int GreatestBytes = 1 << 20;
    private const int GreatestDepth = 32;

    public static SpecNode.Map Read(string yaml, string fileName)
    {
        ArgumentNullException.ThrowIfNull(yaml);
        var root = new Place(fileName, 0, 0, "");
        if (yaml.Length > GreatestBytes)
        {
            throw root.Error("too-large", $"the file has {yaml.Length:N0} characters", $"a sweep or run file has at most {GreatestBytes:N0}");
        }

        var parser = new Parser(new StringReader(yaml));
        try
        {
            parser.Consume<StreamStart>();
            if (parser.Accept<StreamEnd>(out _))
            {
                throw root.Error("empty", "the file is empty", "samples/digits.yaml shows what a file looks like");
            }

            parser.Consume<DocumentStart>();
            var node = ReadNode(parser, root, 0);
            parser.Consume<DocumentEnd>();
            if (!parser.Accept<StreamEnd>(out _))
            {
                throw PlaceOf(root, parser.Current!).Error("syntax", "a second document begins here", "one file holds one sweep or run");
            }

            return node as SpecNode.Map ?? throw node.Place.Error("wrong-type", $"a file is a mapping of fields, not {node.Kind}");
        }
        catch (YamlException e)
        {
            throw new SpecException(new SpecError("syntax", OneLine(e), "mend the YAML here", fileName, (int)e.Start.Line, (int)e.Start.Column));
        }
        catch (InvalidOperationException)
        {
            // The scanner's own assertion, which some unclosed brackets run into; the last event tells about where.
            var at = parser.Current?.End ?? Mark.Empty;
            throw new SpecException(new SpecError("syntax", "not valid YAML: a bracket or quote is not closed", "close it", fileName, (int)at.Line, (int)at.Column));
        }
    }

    /// <summary>A value given on the command line: a scalar, or YAML's flow style.</summary>
    public static SpecNode ReadValue(string text, Place place)
    {
        try
        {
            var parser = new Parser(new StringReader(text));
            parser.Consume<StreamStart>();
            parser.Consume<DocumentStart>();
            return ReadNode(parser, place, 0);
        }
        catch (Exception e) when (e is YamlException or InvalidOperationException)
        {
            throw place.Error("syntax", e is YamlException yaml ? OneLine(yaml) : "a bracket or quote is not closed", "the value after = is YAML");
        }
    }

    private static SpecNode ReadNode(IParser parser, Place place, int depth)
    {
        var start = parser.Current!;
        place = PlaceOf(place, start);
        if (depth > GreatestDepth)
        {
            throw place.Error("too-deep", $"values nest more than {GreatestDepth} deep");
        }

        if (start is AnchorAlias || (start is NodeEvent node && !node.Anchor.IsEmpty))
        {
            throw place.Error("alias", "anchors and aliases (& and *) are not taken", "write the value out");
        }

        if (parser.TryConsume<YamlDotNet.Core.Events.Scalar>(out var scalar))
        {
            return new SpecNode.Scalar(place, scalar.Value, scalar.Style is not (ScalarStyle.Plain or ScalarStyle.Any));
        }

        if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new List<SpecNode>();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                items.Add(ReadNode(parser, place with { Field = $"{place.Field}[{items.Count}]" }, depth + 1));
            }

            return new SpecNode.List(place, items);
        }

        parser.Consume<MappingStart>();
        return ReadMap(parser, place, depth);
    }

    private static SpecNode.Map ReadMap(IParser parser, Place place, int depth)
    {
        var fields = new List<KeyValuePair<string, SpecNode>>();
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var at = PlaceOf(place, parser.Current!);
            if (!parser.TryConsume<YamlDotNet.Core.Events.Scalar>(out var key))
            {
                throw at.Error("wrong-type", "a field's name is a word", "quote it, or mend the brackets");
            }

            if (!lines.TryAdd(key.Value, at.Line))
            {
                throw at.Child(key.Value).Error("duplicate-field", $"given twice, first in line {lines[key.Value]}", "keep one of them");
            }

            fields.Add(new(key.Value, ReadNode(parser, at.Child(key.Value), depth + 1)));
        }

        return new SpecNode.Map(place, fields);
    }

    private static Place PlaceOf(Place parent, ParsingEvent at) =>
        parent.File == Overrides.FileName ? parent : parent with { Line = (int)at.Start.Line, Column = (int)at.Start.Column };

    private static string OneLine(YamlException e)
    {
        var text = (e.InnerException?.Message ?? e.Message).ReplaceLineEndings(" ");
        var colon = text.StartsWith('(') ? text.IndexOf("): ", StringComparison.Ordinal) : -1;
        return "not valid YAML: " + (colon >= 0 ? text[(colon + 3)..] : text);
    }
}
