using System.Text.Json;
using Orchestrator.Data;
using Orchestrator.Data.Formats;
using Orchestrator.Specs;
using Orchestrator.Training.Checkpoints;

namespace Orchestrator.Training;

/// <summary>
/// A checkpoint's folder: <c>manifest.json</c>, <c>model.safetensors</c>, <c>optimizer.safetensors</c>. It is written aside and renamed once it is on the disk, so a folder under its final name is whole.
/// </summary>
public static class CheckpointFolder
{
    public const string ManifestFile = "manifest.json";
    public const string ModelFile = "model.safetensors";
    public const string OptimizerFile = "optimizer.safetensors";

    private const int GreatestManifest = 64 << 20;

    /// <summary>Reads the manifest and every byte of the files.</summary>
    /// <exception cref="CorruptCheckpointException">A file is missing, has another length or hash, or can't be read.</exception>
    public static CheckpointManifest Verify(string directory)
    {
        var manifest = ReadManifest(directory);
        foreach (var name in new[] { ModelFile, OptimizerFile })
        {
            if (!manifest.Files.TryGetValue(name, out var expected))
            {
                throw new CorruptCheckpointException(directory, $"its manifest does not name {name}");
            }

            var path = Path.Combine(directory, name);
            try
            {
                var bytes = File.Exists(path) ? new FileInfo(path).Length : throw new CorruptCheckpointException(directory, $"{name} is missing");
                if (bytes != expected.Bytes)
                {
                    throw new CorruptCheckpointException(directory, $"{name} has {bytes} bytes instead of {expected.Bytes}");
                }

                if (SafetensorsFile.Sha256(path) != expected.Sha256)
                {
                    throw new CorruptCheckpointException(directory, $"{name} has another hash than the manifest says");
                }

                SafetensorsFile.Open(path).Dispose();
            }
            catch (DataFormatException error)
            {
                throw new CorruptCheckpointException(directory, $"{name}: {error.Problem}", error);
            }
        }

        return manifest;
    }

    /// <summary>The manifest alone; the files are not looked at.</summary>
    /// <exception cref="CorruptCheckpointException">It is missing, or not a checkpoint's manifest.</exception>
    /// <exception cref="DataFormatException">It is a command's, which has no model.</exception>
    public static CheckpointManifest ReadManifest(string directory)
    {
        var path = Path.Combine(directory, ManifestFile);
        if (!File.Exists(path))
        {
            throw new CorruptCheckpointException(directory, $"{ManifestFile} is missing");
        }

        try
        {
            if (new FileInfo(path).Length > GreatestManifest)
            {
                throw new CorruptCheckpointException(directory, $"{ManifestFile} is too long");
            }

            var manifest = JsonSerializer.Deserialize<CheckpointManifest>(File.ReadAllBytes(path), CheckpointManifest.Json)
                ?? throw new CorruptCheckpointException(directory, $"{ManifestFile} is empty");
            return manifest.FormatVersion == CheckpointManifest.Version
                ? manifest
                : throw new CorruptCheckpointException(directory, $"its format version is {manifest.FormatVersion}, this program knows {CheckpointManifest.Version}");
        }
        catch (JsonException) when (IsOfCommand(path))
        {
            throw new DataFormatException("no-model", $"{directory} is what a program of 'workload: command' kept, and no model", "its files are in the folder 'directory' of a fetched one, for the program itself");
        }
        catch (JsonException error)
        {
            throw new CorruptCheckpointException(directory, $"{ManifestFile} can't be read: {error.Message.ReplaceLineEndings(" ")}", error);
        }
    }

    /// <summary>Writes a checkpoint; a folder of that name that is there already is replaced.</summary>
    internal static (CheckpointManifest Manifest, long Bytes) Write(
        string directory, Func<SortedDictionary<string, CheckpointFile>, CheckpointManifest> describe, IEnumerable<TensorEntry> model, IEnumerable<TensorEntry> optimizer, CancellationToken cancellationToken)
    {
        var parent = Path.GetDirectoryName(Path.GetFullPath(directory))!;
        Directory.CreateDirectory(parent);
        var aside = Path.Combine(parent, $".{Path.GetFileName(directory)}.partial");
        Clear(aside);
        try
        {
            Directory.CreateDirectory(aside);
            var files = new SortedDictionary<string, CheckpointFile>(StringComparer.Ordinal);
            foreach (var (name, tensors) in new[] { (ModelFile, model), (OptimizerFile, optimizer) })
            {
                var path = Path.Combine(aside, name);
                var hash = SafetensorsWriter.Write(path, tensors, fsync: true, cancellationToken: cancellationToken);
                files[name] = new CheckpointFile(hash, new FileInfo(path).Length);
            }

            var manifest = describe(files);
            var bytes = JsonSerializer.SerializeToUtf8Bytes(manifest, CheckpointManifest.Json);
            using (var file = new FileStream(Path.Combine(aside, ManifestFile), FileMode.CreateNew, FileAccess.Write))
            {
                file.Write(bytes);
                file.Flush(flushToDisk: true);
            }

            Native.SyncDirectory(aside);
            Clear(directory);
            Directory.Move(aside, directory);
            Native.SyncDirectory(parent);
            return (manifest, bytes.Length + files.Values.Sum(file => file.Bytes));
        }
        catch
        {
            Clear(aside);
            throw;
        }
    }

    private static bool IsOfCommand(string manifest)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(manifest));
            return document.RootElement.TryGetProperty("spec", out var spec) && spec.TryGetProperty("workload", out var workload) && workload.ValueEquals(RunSpec.CommandWorkload);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private static void Clear(string directory)
    {
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
