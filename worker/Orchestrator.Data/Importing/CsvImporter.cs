using System.Collections.Immutable;
using System.Globalization;

namespace Orchestrator.Data.Importing;

/// <summary>
/// A table of numbers with one target column. Read twice: once to learn its columns, classes and whether its values are bytes, once to
/// write it.
/// </summary>
internal sealed class CsvImporter(DatasetFolder folder, ImportOptions options)
{
    private readonly CsvTarget target = new(options.Regression);
    private string[]? header;
    private int columns;
    private int targetColumn;
    private bool bytes = true;
    private long rows;

    public DatasetManifest Run(string path)
    {
        SourceFile.Check(path);
        Survey(path);
        target.Decide(path);
        folder.Begin(Input(), target.IsQuantity
            ? new FeatureBuffer("label", DType.F32, [], statistics: true)
            : new FeatureBuffer("label", DType.I64, [], statistics: false));
        folder.Enter(SourceSplit.All);
        Write(path);
        folder.Flush();
        var input = folder.Feature(0);
        return new DatasetManifest
        {
            Features = ImmutableSortedDictionary.CreateRange(
                StringComparer.Ordinal,
                [KeyValuePair.Create(input.Name, input.Spec()), KeyValuePair.Create("label", folder.Feature(1).Spec())]),
            Target = "label",
            Classes = [.. target.Classes],
            Chunks = [.. folder.Chunks],
        };
    }

    private FeatureBuffer Input() => options.ImageShape is { } image
        ? new FeatureBuffer("image", bytes ? DType.U8 : DType.F32, [image.Channels, image.Height, image.Width], statistics: true)
        : new FeatureBuffer("features", DType.F32, [columns - 1], statistics: true);

    private void Survey(string path)
    {
        using var reader = new CsvReader(path);
        while (reader.Read())
        {
            if (columns == 0)
            {
                Begin(reader, path);
                if (header is not null)
                {
                    continue;
                }
            }

            CheckWidth(reader);
            for (var column = 0; column < columns; column++)
            {
                if (column != targetColumn)
                {
                    var value = Number(reader, column);
                    bytes &= value is >= 0 and <= 255 && value == MathF.Floor(value);
                }
            }

            target.Survey(reader, reader[targetColumn]);
            rows++;
        }

        if (rows == 0)
        {
            throw new DataFormatException("empty", $"{path}: there are no rows", "check that it was written or fetched whole");
        }
    }

    private void Write(string path)
    {
        using var reader = new CsvReader(path);
        var skip = header is not null;
        var left = rows;
        while (reader.Read())
        {
            if (skip)
            {
                skip = false;
                continue;
            }

            CheckWidth(reader);
            left--;
            Fill(reader, folder.Feature(0));
            if (target.IsQuantity)
            {
                folder.Feature(1).RowOf<float>()[0] = CsvTarget.QuantityOf(reader, reader[targetColumn]);
            }
            else
            {
                folder.Feature(1).RowOf<long>()[0] = target.ClassOf(reader, reader[targetColumn]);
            }

            folder.EndRow();
        }

        if (left != 0)
        {
            throw new DataFormatException(
                "changed", $"{path}: the file changed while it was read", "add it again when nothing writes to it");
        }
    }

    private void Fill(CsvReader reader, FeatureBuffer input)
    {
        var element = 0;
        for (var column = 0; column < columns; column++)
        {
            if (column == targetColumn)
            {
                continue;
            }

            var value = Number(reader, column);
            if (input.DType == DType.U8)
            {
                input.Row[element++] = (byte)value;
            }
            else
            {
                input.RowOf<float>()[element++] = value;
            }
        }
    }

    /// <summary>Learns the columns from the first row: it is a header where a target is named, or where no field before the last is a
    /// number.</summary>
    private void Begin(CsvReader first, string path)
    {
        columns = first.Count;
        if (columns < 2)
        {
            throw first.Error("columns", "it has one column", "a target and at least one other column are wanted, separated by commas");
        }

        targetColumn = columns - 1;
        var fields = Enumerable.Range(0, columns).Select(column => first[column].Trim().ToString()).ToArray();
        if (options.Target is { } name)
        {
            targetColumn = Array.IndexOf(fields, name);
            if (targetColumn < 0)
            {
                throw first.Error(
                    "target",
                    $"there is no column '{name}'",
                    $"its columns are {string.Join(", ", fields.Take(20).Select(field => CsvTarget.Shown(field)))}");
            }
        }

        if (options.Target is not null
            || !fields[..^1].Any(field => float.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out _)))
        {
            header = fields;
        }

        if (options.ImageShape is { } image && image.Elements != columns - 1)
        {
            throw new DataFormatException(
                "shape",
                $"{path}: an image of {image} has {image.Elements} values, a row {columns - 1}",
                "say the size that the rows have");
        }
    }

    private void CheckWidth(CsvReader reader)
    {
        if (reader.Count != columns)
        {
            throw reader.Error("ragged-row", $"{reader.Count} fields instead of {columns}", "every row must have as many as the first");
        }
    }

    private float Number(CsvReader reader, int column)
    {
        var field = reader[column];
        if (!float.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
        {
            throw reader.Error(
                "not-a-number",
                $"{ColumnName(column)}: '{CsvTarget.Shown(field)}' is not a number",
                "features are numbers: encode it, or leave the column or row out");
        }

        return float.IsFinite(value)
            ? value
            : throw reader.Error(
                "not-finite",
                $"{ColumnName(column)}: '{CsvTarget.Shown(field)}' is not a finite number",
                "fill it in, or leave the row out");
    }

    private string ColumnName(int column) => header is null ? $"column {column + 1}" : $"column '{CsvTarget.Shown(header[column])}'";
}
