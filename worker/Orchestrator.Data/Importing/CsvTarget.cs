using System.Globalization;

namespace Orchestrator.Data.Importing;

/// <summary>What the target column turns out to be: whole numbers or names are classes, other numbers a quantity.</summary>
internal sealed class CsvTarget(bool regression)
{
    private const int GreatestClasses = 65_536;
    private const double GreatestWhole = 1L << 53;

    private readonly SortedSet<long> wholes = [];
    private readonly SortedSet<string> names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> indices = new(StringComparer.Ordinal);
    private HashSet<string> seen = new(StringComparer.Ordinal);
    private bool tooMany;
    private bool anyName;
    private bool anyFraction;
    private long notFinite;

    /// <summary>The target is an F32 scalar.</summary>
    public bool IsQuantity { get; private set; }

    /// <summary>Sorted: whole numbers by value, names by their characters' codes.</summary>
    public IReadOnlyList<string> Classes { get; private set; } = [];

    /// <summary>Takes note of one row's target.</summary>
    public void Survey(CsvReader row, ReadOnlySpan<char> value)
    {
        value = value.Trim();
        if (value.IsEmpty)
        {
            throw row.Error("missing-value", "its target is empty", "fill it in, or leave the row out");
        }

        if (!double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
        {
            anyName = regression
                ? throw row.Error("not-a-number", $"its target '{Shown(value)}' is not a number", "a regression's target is a number")
                : true;
        }
        else if (!double.IsFinite(number) || !float.IsFinite((float)number))
        {
            notFinite = notFinite == 0 ? row.Row : notFinite;
            if (regression)
            {
                throw NotFinite(row, value);
            }
        }
        else if (number != Math.Floor(number) || Math.Abs(number) > GreatestWhole)
        {
            anyFraction = true;
        }
        else if (wholes.Count <= GreatestClasses)
        {
            wholes.Add((long)number);
        }

        if (!tooMany && seen.GetAlternateLookup<ReadOnlySpan<char>>().Add(value) && seen.Count > GreatestClasses)
        {
            tooMany = true;
        }
    }

    /// <summary>Decides, with all rows seen.</summary>
    public void Decide(string path)
    {
        if (notFinite > 0 && !anyName)
        {
            throw new DataFormatException(
                "not-finite", $"{path}: row {notFinite}: its target is not a finite number", "fill it in, or leave the row out");
        }

        IsQuantity = regression || (!anyName && anyFraction);
        if (IsQuantity)
        {
            seen = [];
            return;
        }

        if (anyName ? tooMany : wholes.Count > GreatestClasses)
        {
            throw new DataFormatException(
                "classes",
                $"{path}: the target has more than {GreatestClasses} different values",
                "say --regression where it is a quantity, or name another --target");
        }

        names.UnionWith(seen);
        Classes = anyName ? [.. names] : [.. wholes.Select(whole => whole.ToString(CultureInfo.InvariantCulture))];
        for (var index = 0; index < Classes.Count; index++)
        {
            indices.Add(Classes[index], index);
        }
    }

    /// <summary>The class of a row, on the second reading.</summary>
    public long ClassOf(CsvReader row, ReadOnlySpan<char> value)
    {
        value = value.Trim();
        var key = anyName || !double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? value
            : ((long)number).ToString(CultureInfo.InvariantCulture);
        return indices.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(key, out var index)
            ? index
            : throw row.Error("changed", "the file changed while it was read", "add it again when nothing writes to it");
    }

    /// <summary>The quantity of a row, on the second reading.</summary>
    public static float QuantityOf(CsvReader row, ReadOnlySpan<char> value) =>
        float.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && float.IsFinite(number)
            ? number
            : throw NotFinite(row, value);

    internal static string Shown(ReadOnlySpan<char> value) =>
        value.Length <= 40 ? value.ToString().ReplaceLineEndings(" ") : value[..40].ToString().ReplaceLineEndings(" ") + "…";

    private static DataFormatException NotFinite(CsvReader row, ReadOnlySpan<char> value) =>
        row.Error("not-finite", $"its target '{Shown(value)}' is not a finite number", "fill it in, or leave the row out");
}
