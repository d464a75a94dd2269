using Orchestrator.Data;
using Orchestrator.Data.Augmentation;
using Orchestrator.Data.Importing;

namespace Orchestrator.Worker.Local;

/// <summary>Finds a dataset without a coordinator: a folder that is one, a source to import, one imported before, or the digits that are always there.</summary>
internal static class LocalDataset
{
    private const string Digits = "digits";
    private const string DigitsResource = "digits.csv.gz";

    /// <param name="source">A dataset's folder, an IDX folder or a CSV file; null: by name.</param>
    /// <param name="folder">Where imported datasets are kept.</param>
    /// <exception cref="CommandException">It is not there, or not what it should be.</exception>
    public static string Find(string name, string? source, string folder)
    {
        if (source is not null && IsDataset(source))
        {
            return Path.GetFullPath(source);
        }

        var kept = Path.Combine(folder, name);
        try
        {
            if (source is not null)
            {
                return Import(source, new ImportOptions(), kept);
            }

            if (IsDataset(kept))
            {
                return kept;
            }

            return name == Digits ? ImportDigits(kept) : throw new CommandException(ExitCode.BadInput, $"dataset {name}: not in {folder}; give its folder or its source with --dataset-dir");
        }
        catch (DataFormatException mistake)
        {
            throw new CommandException(ExitCode.BadInput, mistake.Message);
        }
    }

    private static bool IsDataset(string folder) => File.Exists(Path.Combine(folder, Dataset.ManifestFile));

    private static string ImportDigits(string target)
    {
        var source = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + "-" + DigitsResource);
        try
        {
            using (var packed = typeof(LocalDataset).Assembly.GetManifestResourceStream(DigitsResource)!)
            using (var file = File.Create(source))
            {
                packed.CopyTo(file);
            }

            return Import(source, new ImportOptions { ImageShape = new ImageShape(1, 8, 8) }, target);
        }
        finally
        {
            File.Delete(source);
        }
    }

    // A source may have changed since the last time: the newest import counts.
    private static string Import(string source, ImportOptions options, string target)
    {
        if (Directory.Exists(target))
        {
            Directory.Delete(target, recursive: true);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        DatasetImport.Run(source, options, target);
        return target;
    }
}
