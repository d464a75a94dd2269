using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Wire;

/// <summary>A sweep or run file, read whole.</summary>
public static class SpecText
{
    private const long Largest = 1024 * 1024;

    /// <summary>Where the file's relative paths begin.</summary>
    public static string FolderOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";

    /// <exception cref="CliException">There is no such file, or it is larger than 1 MiB.</exception>
    public static async Task<string> ReadAsync(string path, CancellationToken cancellation)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
        {
            throw CliException.BadInput(Directory.Exists(path) ? $"{path} is a folder; name a YAML file" : $"{path}: there is no such file");
        }

        if (file.Length > Largest)
        {
            throw CliException.BadInput($"{path} has {file.Length} bytes: a sweep or run file has at most {Largest}");
        }

        return await File.ReadAllTextAsync(path, cancellation);
    }
}
