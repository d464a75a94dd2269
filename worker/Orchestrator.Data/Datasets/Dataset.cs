using Orchestrator.Data.Formats;

namespace Orchestrator.Data;

/// <summary>
/// A dataset's folder, opened for reading: <c>manifest.json</c> and <c>chunks/SHA256.safetensors</c>, mapped into memory.
/// </summary>
public sealed class Dataset : IDisposable
{
    public const string ManifestFile = "manifest.json";

    private readonly List<SafetensorsFile> files = [];
    private readonly Dictionary<SplitName, DatasetSplit> splits = [];

    private Dataset(DatasetManifest manifest) => Manifest = manifest;

    /// <summary>Where a chunk lies in a dataset's folder.</summary>
    public static string ChunkPath(string directory, string sha256) => Path.Combine(directory, "chunks", sha256 + ".safetensors");

    /// <param name="directory">With the manifest and all chunks in it.</param>
    /// <param name="splitSeed">Chooses validation and test rows where the source has no split of its own.</param>
    /// <param name="verify">Reads every chunk once to check its hash; without it, only the headers are checked.</param>
    /// <exception cref="DataFormatException">A file is missing, truncated or tampered with.</exception>
    public static Dataset Open(string directory, long splitSeed, bool verify = true)
    {
        var manifestPath = Path.Combine(directory, ManifestFile);
        if (!File.Exists(manifestPath))
        {
            throw new DataFormatException(
                "missing", $"{manifestPath}: there is no such file", "add the dataset again with 'orch dataset add'");
        }

        var dataset = new Dataset(DatasetManifest.Parse(File.ReadAllBytes(manifestPath)));
        try
        {
            dataset.Load(directory, splitSeed, verify);
            return dataset;
        }
        catch
        {
            dataset.Dispose();
            throw;
        }
    }

    public DatasetManifest Manifest { get; }

    /// <summary>May be empty where the source is very small or has no such part.</summary>
    public DatasetSplit Split(SplitName split) => splits[split];

    public void Dispose()
    {
        foreach (var file in files)
        {
            file.Dispose();
        }
    }

    private void Load(string directory, long splitSeed, bool verify)
    {
        var parts = Manifest.Chunks.Select(chunk => (chunk.Split, chunk.Rows, File: OpenChunk(directory, chunk, verify))).ToArray();
        var rule = SplitRule.Of(Manifest);
        var train = Begins(parts, SourceSplit.All, SourceSplit.Train);
        var (files, begins) = train;
        if (rule.TakesValidation && begins[^1] > 0)
        {
            var (trainRows, validationRows, testRows) = rule.Cut(begins[^1], Labels(files, begins[^1]), splitSeed);
            splits[SplitName.Train] = new DatasetSplit(Manifest, files, begins, trainRows);
            splits[SplitName.Validation] = new DatasetSplit(Manifest, files, begins, validationRows);
            splits[SplitName.Test] = rule.TakesTest ? new DatasetSplit(Manifest, files, begins, testRows) : Whole(SourceSplit.Test);
        }
        else
        {
            splits[SplitName.Train] = new DatasetSplit(Manifest, files, begins, chosen: null);
            splits[SplitName.Validation] = Whole(SourceSplit.Validation);
            splits[SplitName.Test] = Whole(SourceSplit.Test);
        }

        DatasetSplit Whole(SourceSplit split)
        {
            var (own, starts) = Begins(parts, split);
            return new DatasetSplit(Manifest, own, starts, chosen: null);
        }
    }

    private static (SafetensorsFile[] Files, long[] Begins) Begins(
        (SourceSplit Split, long Rows, SafetensorsFile File)[] parts, params SourceSplit[] wanted)
    {
        var own = parts.Where(part => wanted.Contains(part.Split)).ToArray();
        var begins = new long[own.Length + 1];
        for (var index = 0; index < own.Length; index++)
        {
            begins[index + 1] = begins[index] + own[index].Rows;
        }

        return ([.. own.Select(part => part.File)], begins);
    }

    private long[] Labels(SafetensorsFile[] own, long rows)
    {
        if (Manifest.Classes.IsEmpty)
        {
            return [];
        }

        var labels = new long[rows];
        var written = 0;
        foreach (var file in own)
        {
            var values = file.Span<long>(Manifest.Target);
            values.CopyTo(labels.AsSpan(written));
            written += values.Length;
        }

        return labels;
    }

    private SafetensorsFile OpenChunk(string directory, ChunkSpec chunk, bool verify)
    {
        const string Mend = "fetch the dataset again";
        var path = ChunkPath(directory, chunk.Sha256);
        var size = new FileInfo(path) is { Exists: true } file ? LengthOf(file) : -1;
        if (size != chunk.Bytes)
        {
            throw size < 0
                ? new DataFormatException("missing", $"{path}: there is no such chunk", Mend)
                : new DataFormatException("truncated", $"{path}: {size} bytes instead of {chunk.Bytes}", Mend);
        }

        if (verify && SafetensorsFile.Sha256(path) != chunk.Sha256)
        {
            throw new DataFormatException("tampered", $"{path}: its contents have another hash than its name", Mend);
        }

        var opened = SafetensorsFile.Open(path);
        files.Add(opened);
        foreach (var (name, feature) in Manifest.Features)
        {
            long[] due = [chunk.Rows, .. feature.Shape];
            if (!opened.Tensors.TryGetValue(name, out var tensor)
                || tensor.DType != feature.DType
                || !tensor.Shape.SequenceEqual(due))
            {
                throw new DataFormatException(
                    "schema",
                    $"{path}: feature '{name}' is not the {feature.DType.ManifestName()} [{string.Join(", ", due)}] of the manifest",
                    Mend);
            }
        }

        CheckLabels(opened, path);
        return opened;
    }

    /// <summary>A chunk may be a link into a cache: its target's length counts.</summary>
    private static long LengthOf(FileInfo file) =>
        file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo { Exists: true } target ? target.Length : file.Length;

    /// <summary>An index without a class would read outside a model's outputs.</summary>
    private void CheckLabels(SafetensorsFile opened, string path)
    {
        if (Manifest.Classes.IsEmpty)
        {
            return;
        }

        var labels = opened.Span<long>(Manifest.Target);
        for (var row = 0; row < labels.Length; row++)
        {
            if ((ulong)labels[row] >= (ulong)Manifest.Classes.Length)
            {
                throw new DataFormatException(
                    "label-range",
                    $"{path}: row {row + 1}: label {labels[row]} is none of {Manifest.Classes.Length} classes",
                    "add the dataset again with 'orch dataset add'");
            }
        }
    }
}
