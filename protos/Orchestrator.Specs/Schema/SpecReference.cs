using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Specs.Binding;
using Orchestrator.Specs.Models;

namespace Orchestrator.Specs.Schema;

/// <summary>The fields of run and sweep files as tables in Markdown, made of the same rules as the binder's, for people.</summary>
public static class SpecReference
{
    public static string Markdown()
    {
        var text = new StringBuilder("# Fields of run and sweep files\nMade of the rules that files are checked by; [sweep-file.md](sweep-file.md) explains them.\n\n");
        Section(text, "", typeof(RunSpec));
        foreach (var (name, family) in ModelCatalog.Families)
        {
            Section(text, $"model, of `workload: {name}`", family.Model);
            text.Append("Metrics: ").AppendJoin(", ", family.Metrics.Select(metric => $"`{metric}`")).Append(".\n\n");
        }

        Section(text, "search", typeof(SearchSpec));
        return text.ToString();
    }

    /// <summary>A table of the record's fields, then one of each section in it.</summary>
    private static void Section(StringBuilder text, string path, Type type)
    {
        var record = SpecRecord.Of(type);
        var defaults = Activator.CreateInstance(type);
        text.Append(CultureInfo.InvariantCulture, $"## {(path.Length == 0 ? "The file" : path)}\n");
        if (record.Shorthand is { } shorthand)
        {
            text.Append(CultureInfo.InvariantCulture, $"A bare value is its `{shorthand.Name}`.\n");
        }

        text.Append("\n| field | value | unless told | |\n|---|---|---|---|\n");
        foreach (var field in record.Fields)
        {
            var isSection = IsSection(field.Property.PropertyType);
            var value = isSection ? $"{(ItemOf(field.Property.PropertyType) == field.Property.PropertyType ? "" : "one or a list, ")}see [{PathOf(path, field)}](#{PathOf(path, field).Replace(".", "", StringComparison.Ordinal)})" : ValueOf(field);
            var unlessTold = field.Rule.Required ? "required" : isSection ? ShortDefaultOf(field.Property.GetValue(defaults)) : DefaultOf(field, field.Property.GetValue(defaults));
            text.Append(CultureInfo.InvariantCulture, $"| `{field.Name}` | {value} | {unlessTold} | {field.Rule.Description} |\n");
        }

        text.Append('\n');
        foreach (var field in record.Fields.Where(field => IsSection(field.Property.PropertyType)))
        {
            Section(text, PathOf(path, field), ItemOf(field.Property.PropertyType));
        }
    }

    private static string PathOf(string path, SpecField field) => path.Length == 0 ? field.Name : $"{path}.{field.Name}";

    private static Type ItemOf(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? type.GetGenericArguments()[0] : type;

    private static bool IsSection(Type field) =>
        ItemOf(field) is { IsClass: true } type && type.Namespace == typeof(RunSpec).Namespace && type != typeof(PackageSpec) && type != typeof(AugmentSpec) && SpecRecord.Of(type).Fields.Count > 0;

    private static string ValueOf(SpecField field)
    {
        var type = Nullable.GetUnderlyingType(field.Property.PropertyType) ?? field.Property.PropertyType;
        var rule = field.Rule;
        if (rule.OneOf.Length > 0)
        {
            return string.Join(", ", rule.OneOf.Split(' ').Select(word => $"`{word}`"));
        }

        if (rule.Notation == "keep")
        {
            return "`best N`";
        }

        if (rule.Notation == "duration")
        {
            return "`30s`, `10m`, `2h`";
        }

        if (rule.Notation == "at")
        {
            return "`best`, `last`, `last N`";
        }

        var isList = type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>);
        var item = isList ? type.GetGenericArguments()[0] : type;
        var single = item switch
        {
            _ when item == typeof(bool) => "`true`, `false`",
            _ when item == typeof(int) || item == typeof(long) => $"integer{Bounds(rule)}",
            _ when item == typeof(double) => $"number{Bounds(rule)}",
            _ when item == typeof(Every) => "`N epochs`, `N steps`",
            _ when item == typeof(string) || item == typeof(PackageSpec) => "text",
            _ when item == typeof(AugmentSpec) => "name or mapping",
            _ => "mapping",
        };
        return isList ? $"{single}, or a list" : single;
    }

    private static string Bounds(FieldAttribute rule)
    {
        var bounds = new List<string>();
        Add("≥", rule.Min);
        Add(">", rule.Above);
        Add("≤", rule.Max);
        Add("<", rule.Below);
        return bounds.Count > 0 ? " " + string.Join(", ", bounds) : "";

        void Add(string sign, double bound)
        {
            if (double.IsFinite(bound))
            {
                bounds.Add($"{sign} {bound.ToString("0.######", CultureInfo.InvariantCulture)}");
            }
        }
    }

    /// <summary>Of a section that may be written as one value: that one.</summary>
    private static string ShortDefaultOf(object? section) => section is not null && SpecRecord.Of(section.GetType()).Shorthand is { } shorthand
        ? DefaultOf(shorthand, shorthand.Property.GetValue(section))
        : "";

    /// <summary>Empty where there is none, or one that a file can't say.</summary>
    private static string DefaultOf(SpecField field, object? value) => value switch
    {
        null or "" => "",
        int number when number < field.Rule.Min => "",
        int number when field.Rule.Notation == "keep" => $"`best {number}`",
        TimeSpan span => $"`{span.TotalMinutes.ToString("0.##", CultureInfo.InvariantCulture)}m`",
        Every { Count: var count, Unit: var unit } => $"`{count} {unit.ToString().ToLowerInvariant()}{(count == 1 ? "" : "s")}`",
        string text => $"`{text}`",
        IDictionary { Count: 0 } or JsonObject { Count: 0 } => "`{}`",
        ICollection { Count: 0 } => "`[]`",
        _ => $"`{JsonSerializer.Serialize(value, SpecJson.Options)}`",
    };
}
