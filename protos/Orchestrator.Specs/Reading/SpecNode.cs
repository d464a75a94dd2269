using System.Globalization;
using System.Text.Json.Nodes;

namespace Orchestrator.Specs.Reading;

/// <summary>A place in a file.</summary>
/// <param name="Field">The value's path: training.optimizer.name.</param>
public sealed record Place(string File, int Line, int Column, string Field)
{
    public Place Child(string name) => this with { Field = Field.Length == 0 ? name : $"{Field}.{name}" };

    public SpecException Error(string code, string message, string mend = "") => new(new SpecError(code, message, mend, File, Line, Column, Field));
}

/// <summary>A value in a file, with its place. Values overridden from the command line have the place "--set".</summary>
public abstract record SpecNode(Place Place)
{
    /// <param name="Quoted">A quoted scalar is a string, whatever it looks like.</param>
    public sealed record Scalar(Place Place, string Text, bool Quoted) : SpecNode(Place)
    {
        /// <summary>The parameter that <c>$name</c> refers to; null for everything else.</summary>
        public string? Reference => !Quoted && Text.Length > 1 && Text[0] == '$' ? Text[1..] : null;

        public bool IsNull => !Quoted && Text is "" or "~" or "null";
    }

    public sealed record List(Place Place, IReadOnlyList<SpecNode> Items) : SpecNode(Place);

    /// <param name="Fields">In the order of the file; names are unique.</param>
    public sealed record Map(Place Place, IReadOnlyList<KeyValuePair<string, SpecNode>> Fields) : SpecNode(Place)
    {
        public SpecNode? this[string name]
        {
            get
            {
                foreach (var (key, value) in Fields)
                {
                    if (string.Equals(key, name, StringComparison.Ordinal))
                    {
                        return value;
                    }
                }

                return null;
            }
        }

        public Map With(string name, SpecNode value)
        {
            var fields = Fields.ToList();
            var at = fields.FindIndex(field => string.Equals(field.Key, name, StringComparison.Ordinal));
            if (at < 0)
            {
                fields.Add(new(name, value));
            }
            else
            {
                fields[at] = new(name, value);
            }

            return this with { Fields = fields };
        }

        public Map Without(string name) => this with { Fields = [.. Fields.Where(field => !string.Equals(field.Key, name, StringComparison.Ordinal))] };
    }

    /// <summary>What the value is called in a message: a list, a mapping, a number, a text.</summary>
    public string Kind => this switch
    {
        List => "a list",
        Map => "a mapping",
        Scalar { IsNull: true } => "nothing",
        Scalar scalar when ToJson(scalar) is JsonValue value => value.GetValueKind() switch
        {
            System.Text.Json.JsonValueKind.Number => $"the number {scalar.Text}",
            System.Text.Json.JsonValueKind.True or System.Text.Json.JsonValueKind.False => scalar.Text,
            _ => $"the text '{scalar.Text}'",
        },
        _ => "something else",
    };

    /// <summary>The value by YAML's core schema: numbers, true, false, null; all else is text.</summary>
    public static JsonNode? ToJson(SpecNode node) => node switch
    {
        Scalar { IsNull: true } => null,
        Scalar scalar => ToJson(scalar),
        List list => new JsonArray([.. list.Items.Select(ToJson)]),
        Map map => new JsonObject(map.Fields.Select(field => KeyValuePair.Create(field.Key, ToJson(field.Value)))),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static JsonNode? ToJson(Scalar scalar)
    {
        if (scalar.Quoted)
        {
            return JsonValue.Create(scalar.Text);
        }

        if (scalar.Text is "true" or "false")
        {
            return JsonValue.Create(scalar.Text is "true");
        }

        if (long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
        {
            return JsonValue.Create(integer);
        }

        var looksNumeric = scalar.Text.Length > 0 && (char.IsAsciiDigit(scalar.Text[0]) || scalar.Text[0] is '-' or '+' or '.');
        return looksNumeric && double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? JsonValue.Create(number)
            : JsonValue.Create(scalar.Text);
    }
}
