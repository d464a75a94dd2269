using System.Globalization;

namespace Orchestrator.Data.Importing;

/// <summary>One row to predict for.</summary>
/// <param name="Name">Where it came from: <c>digits.csv:3</c>.</param>
/// <param name="Values">In the order and the units of the file.</param>
public sealed record InputRow(string Name, float[] Values);

/// <summary>Rows of a file without a dataset around them: a CSV file, or IDX images, plain or .gz.</summary>
public static class InputRows
{
    /// <param name="path">The file.</param>
    /// <param name="elements">Values of a row; a CSV row may have one more, its target, at the end.</param>
    /// <exception cref="DataFormatException">The file is missing or damaged, or its rows are of another size. Thrown while the rows are read.</exception>
    public static IEnumerable<InputRow> Read(string path, int elements)
    {
        SourceFile.Check(path);
        return IsIdx(path) ? ReadIdx(path, elements) : ReadCsv(path, elements);
    }

    private static bool IsIdx(string path)
    {
        Span<byte> magic = stackalloc byte[4];
        using var stream = SourceFile.Open(path);
        return stream.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length && magic is [0, 0, 8, 3];
    }

    private static IEnumerable<InputRow> ReadIdx(string path, int elements)
    {
        using var images = new IdxFile(path, dimensions: 3);
        var (height, width) = (images.Dimensions[1], images.Dimensions[2]);
        if ((long)height * width != elements)
        {
            throw new DataFormatException(
                "shape", $"{path}: its images are {height} x {width}, {(long)height * width} values", $"the model takes {elements}");
        }

        var bytes = new byte[elements];
        for (var row = 1; row <= images.Rows; row++)
        {
            images.Read(bytes, row);
            yield return new InputRow(NameOf(path, row), Array.ConvertAll(bytes, value => (float)value));
        }

        images.End();
    }

    private static IEnumerable<InputRow> ReadCsv(string path, int elements)
    {
        using var reader = new CsvReader(path);
        var isFirst = true;
        while (reader.Read())
        {
            var isHeader = isFirst && !IsNumber(reader[0]);
            isFirst = false;
            if (isHeader)
            {
                continue;
            }

            if (reader.Count != elements && reader.Count != elements + 1)
            {
                throw reader.Error("shape", $"it has {reader.Count} fields", $"the model takes {elements}, and a target may follow them");
            }

            var values = new float[elements];
            for (var column = 0; column < elements; column++)
            {
                values[column] = Number(reader, column);
            }

            yield return new InputRow(NameOf(path, reader.Row), values);
        }
    }

    private static string NameOf(string path, long row) => string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(path)}:{row}");

    private static bool IsNumber(ReadOnlySpan<char> field) => float.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out _);

    private static float Number(CsvReader reader, int column) =>
        float.TryParse(reader[column], NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && float.IsFinite(value)
            ? value
            : throw reader.Error("not-a-number", $"column {column + 1}: '{CsvTarget.Shown(reader[column])}' is not a finite number", "mend it, or leave the row out");
}
