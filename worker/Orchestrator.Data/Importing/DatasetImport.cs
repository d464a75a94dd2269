namespace Orchestrator.Data.Importing;

/// <summary>Turns a source into a dataset's folder: written aside, moved into place once complete.</summary>
public static class DatasetImport
{
    /// <summary>The formats that <see cref="ImportOptions.Format"/> knows.</summary>
    public static IReadOnlyList<string> Formats { get; } = ["idx", "csv"];

    /// <param name="path">idx: a folder with train- and t10k- images and labels, plain or .gz. csv: a file, plain or .gz.</param>
    /// <param name="outputDirectory">Must not exist, or be empty.</param>
    /// <param name="progress">Rows written so far.</param>
    /// <exception cref="DataFormatException">The source is not what it should be; nothing is left behind.</exception>
    public static DatasetManifest Run(
        string path,
        ImportOptions options,
        string outputDirectory,
        CancellationToken cancellationToken = default,
        IProgress<long>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.RowsPerChunk, 1);
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(outputDirectory));
        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
        {
            throw new DataFormatException(
                "exists", $"{outputDirectory}: is there already", "choose a folder that does not exist or is empty");
        }

        var format = options.Format ?? FormatOf(path);
        var aside = $"{target}.partial-{Path.GetRandomFileName()}";
        try
        {
            Directory.CreateDirectory(Path.Combine(aside, "chunks"));
            var folder = new DatasetFolder(aside, options.RowsPerChunk, progress, cancellationToken);
            var manifest = format switch
            {
                "idx" => new IdxImporter(folder).Run(path),
                "csv" => new CsvImporter(folder, options).Run(path),
                _ => throw new DataFormatException("format", $"{path}: '{format}' is no format", $"known are {string.Join(", ", Formats)}"),
            };
            File.WriteAllBytes(Path.Combine(aside, Dataset.ManifestFile), manifest.ToBytes());
            if (Directory.Exists(target))
            {
                Directory.Delete(target);
            }

            Directory.Move(aside, target);
            return manifest;
        }
        catch (InvalidDataException error)
        {
            // It was whole a moment ago.
            throw SourceFile.Damaged(path, error);
        }
        finally
        {
            if (Directory.Exists(aside))
            {
                Directory.Delete(aside, recursive: true);
            }
        }
    }

    /// <summary>What a path looks like: a folder with IDX files, or a file that ends in .csv or .csv.gz.</summary>
    public static string FormatOf(string path)
    {
        if (Directory.Exists(path))
        {
            return IdxFolder.Looks(path)
                ? "idx"
                : throw new DataFormatException(
                    "format",
                    $"{path}: the folder has no IDX files",
                    "it should hold train-images-idx3-ubyte and train-labels-idx1-ubyte, plain or .gz");
        }

        if (!File.Exists(path))
        {
            throw new DataFormatException("missing", $"{path}: there is no such file or folder", "check the path");
        }

        return Unzipped(path).EndsWith(".csv", StringComparison.OrdinalIgnoreCase)
            ? "csv"
            : throw new DataFormatException(
                "format", $"{path}: its format can't be told from its name", $"say --format with one of {string.Join(", ", Formats)}");
    }

    private static string Unzipped(string path) => path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
}
