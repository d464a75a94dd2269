using System.Collections.Immutable;

namespace Orchestrator.Data.Importing;

/// <summary>A folder of IDX files: train- is the train part, t10k- the test part.</summary>
internal sealed class IdxImporter(DatasetFolder folder)
{
    public DatasetManifest Run(string path)
    {
        if (!Directory.Exists(path))
        {
            throw new DataFormatException(
                "missing", $"{path}: there is no such folder", "an IDX dataset is a folder with images and labels");
        }

        var train = IdxFolder.Part(path, "train") ?? throw new DataFormatException(
            "missing", $"{path}: train-images-idx3-ubyte is not there", "put it, plain or .gz, into the folder");
        var test = IdxFolder.Part(path, "t10k");
        var known = LabelsOf(train.Labels);
        var classes = Enumerable.Range(0, 256).Where(label => known[label]).ToArray();
        var (height, width) = SizeOf(train.Images);
        if (test is { } other && SizeOf(other.Images) != (height, width))
        {
            throw new DataFormatException(
                "shape", $"{other.Images}: its images are not {height} x {width} as the train part's are", "both parts must have one size");
        }

        folder.Begin(
            new FeatureBuffer("image", DType.U8, [1, height, width], statistics: true),
            new FeatureBuffer("label", DType.I64, [], statistics: false));
        Copy(train, test is null ? SourceSplit.All : SourceSplit.Train, classes);
        if (test is { } files)
        {
            Copy(files, SourceSplit.Test, classes);
        }

        folder.Flush();
        return new DatasetManifest
        {
            Features = ImmutableSortedDictionary.CreateRange(
                StringComparer.Ordinal,
                [KeyValuePair.Create("image", folder.Feature(0).Spec()), KeyValuePair.Create("label", folder.Feature(1).Spec())]),
            Target = "label",
            Classes = [.. classes.Select(label => label.ToString())],
            Chunks = [.. folder.Chunks],
        };
    }

    private void Copy((string Images, string Labels) files, SourceSplit split, int[] classes)
    {
        using var images = new IdxFile(files.Images, dimensions: 3);
        using var labels = new IdxFile(files.Labels, dimensions: 1);
        if (images.Rows != labels.Rows)
        {
            throw new DataFormatException(
                "counts",
                $"{images.Path}: {images.Rows} images, and {labels.Rows} labels in {labels.Path}",
                "images and labels must come from one set");
        }

        folder.Enter(split);
        Span<byte> label = stackalloc byte[1];
        for (var row = 1; row <= images.Rows; row++)
        {
            images.Read(folder.Feature(0).Row, row);
            labels.Read(label, row);
            var index = Array.BinarySearch(classes, label[0]);
            folder.Feature(1).RowOf<long>()[0] = index >= 0
                ? index
                : throw new DataFormatException(
                    "label-range",
                    $"{labels.Path}: row {row}: label {label[0]} does not occur in the train part",
                    "both parts must have the same classes");
            folder.EndRow();
        }

        images.End();
        labels.End();
    }

    private static (int Height, int Width) SizeOf(string path)
    {
        using var images = new IdxFile(path, dimensions: 3);
        return (images.Dimensions[1], images.Dimensions[2]);
    }

    private static bool[] LabelsOf(string path)
    {
        var known = new bool[256];
        using var labels = new IdxFile(path, dimensions: 1);
        Span<byte> label = stackalloc byte[1];
        for (var row = 1; row <= labels.Rows; row++)
        {
            labels.Read(label, row);
            known[label[0]] = true;
        }

        return known;
    }
}
