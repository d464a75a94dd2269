using System.Formats.Tar;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Checkpoints;

/// <summary>
/// The checkpoint of a <c>workload: command</c>: what its program kept in ORCH_DIRECTORY. It travels as one archive; whoever fetches it gets the files as they were, in a folder
/// <c>directory</c> beside the manifest, which has the hash of each.
/// </summary>
internal static class CommandDirectory
{
    public const string Archive = "directory.tar";

    private const string Folder = "directory";

    public static bool IsUnpacked(string folder, CheckpointManifest manifest) => manifest.Directory is not null && !File.Exists(Path.Combine(folder, Archive));

    /// <summary>The unpacked files, by their paths in the checkpoint's folder.</summary>
    public static IEnumerable<KeyValuePair<string, CheckpointManifest.Entry>> Entries(CheckpointManifest manifest) =>
        manifest.Directory!.Select(file => KeyValuePair.Create(Path.Combine(Folder, file.Key), file.Value));

    /// <summary>Puts the files in the archive's place, if there is one and the manifest knows what it holds; nothing is checked against hashes here.</summary>
    /// <exception cref="CliException">It is no archive.</exception>
    public static void Unpack(string folder, CheckpointManifest manifest)
    {
        var archive = Path.Combine(folder, Archive);
        if (manifest.Directory is null || !File.Exists(archive))
        {
            return;
        }

        var target = Directory.CreateDirectory(Path.Combine(folder, Folder)).FullName;
        try
        {
            TarFile.ExtractToDirectory(archive, target, overwriteFiles: false);
        }
        catch (Exception exception) when (exception is InvalidDataException or FormatException or EndOfStreamException)
        {
            throw CliException.BadInput($"{archive} is corrupt: {exception.Message.TrimEnd('.')}; fetch the checkpoint again");
        }

        File.Delete(archive);
    }

    /// <summary>Paths stay below the folder, whatever a manifest says.</summary>
    /// <exception cref="CliException">This one does not.</exception>
    public static string CheckPath(string path) =>
        path.Length > 0 && !Path.IsPathRooted(path) && !path.Split('/').Any(part => part is "" or "." or "..")
            ? path
            : throw CliException.BadInput($"a checkpoint's manifest names '{path}', which is no path below its folder");
}
