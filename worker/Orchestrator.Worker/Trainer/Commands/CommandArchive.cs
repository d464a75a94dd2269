using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Training;
using Orchestrator.V1;

namespace Orchestrator.Worker.Trainer;

/// <summary>
/// A command's directory as a checkpoint: one tar file beside a manifest, which also has every file's hash. Equal files make equal bytes: sorted, without times and owners; of a
/// file's mode only whether it is a program stays.
/// </summary>
internal static class CommandArchive
{
    private const string Archive = "directory.tar";

    private const UnixFileMode Plain = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private const UnixFileMode Program = Plain | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <returns>Null where the directory holds no file.</returns>
    public static (string Sha256, long Bytes)? Write(string directory, string checkpoint, AssignTask task, int epoch)
    {
        var files = Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(directory, file)).Order(StringComparer.Ordinal).ToArray();
        if (files.Length == 0)
        {
            return null;
        }

        Directory.CreateDirectory(checkpoint);
        var path = Path.Combine(checkpoint, Archive);
        var held = new JsonObject();
        using (var writer = new TarWriter(File.Create(path), TarEntryFormat.Gnu))
        {
            foreach (var file in files)
            {
                using var content = File.OpenRead(Path.Combine(directory, file));
                held[file] = Of(content).Entry;
                content.Position = 0;
                var mode = File.GetUnixFileMode(content.SafeFileHandle).HasFlag(UnixFileMode.UserExecute) ? Program : Plain;
                writer.WriteEntry(new GnuTarEntry(TarEntryType.RegularFile, file) { ModificationTime = DateTimeOffset.UnixEpoch, Mode = mode, DataStream = content });
            }
        }

        using var archive = File.OpenRead(path);
        var (hash, entry) = Of(archive);
        var manifest = new JsonObject
        {
            ["run"] = task.Run,
            ["step"] = epoch,
            ["step_of_epoch"] = 0,
            ["epoch"] = epoch,
            // By which a run is told that it can't go on from here.
            ["dataset_sha256"] = task.DatasetSha256,
            ["spec"] = JsonNode.Parse(task.Spec),
            ["files"] = new JsonObject { [Archive] = entry },
            // What the archive holds, for those who look at its files unpacked.
            ["directory"] = held,
        };
        File.WriteAllText(Path.Combine(checkpoint, CheckpointFolder.ManifestFile), manifest.ToJsonString());
        return (hash, archive.Length);
    }

    private static (string Sha256, JsonObject Entry) Of(FileStream file)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(file));
        return (hash, new JsonObject { ["sha256"] = hash, ["bytes"] = file.Length });
    }

    /// <summary>Puts the files back.</summary>
    /// <returns>How many epochs had been done.</returns>
    /// <exception cref="CorruptCheckpointException">It is not what was written.</exception>
    public static int Restore(string checkpoint, string directory)
    {
        try
        {
            var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(checkpoint, CheckpointFolder.ManifestFile)))!;
            using var archive = File.OpenRead(Path.Combine(checkpoint, Archive));
            if (Convert.ToHexStringLower(SHA256.HashData(archive)) != manifest["files"]![Archive]!["sha256"]!.GetValue<string>())
            {
                throw new CorruptCheckpointException(checkpoint, $"{Archive} has another hash than the manifest says");
            }

            archive.Position = 0;
            TarFile.ExtractToDirectory(archive, directory, overwriteFiles: true);
            return manifest["epoch"]!.GetValue<int>();
        }
        catch (Exception error) when (error is not CorruptCheckpointException and (IOException or JsonException or NullReferenceException or InvalidOperationException or FormatException))
        {
            throw new CorruptCheckpointException(checkpoint, "it is not a command's checkpoint", error);
        }
    }
}
