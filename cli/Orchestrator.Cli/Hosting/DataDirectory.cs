using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Hosting;

/// <summary>Where an embedded cluster keeps its journal, datasets, checkpoints and logs.</summary>
public static class DataDirectory
{
    /// <summary>As the XDG base directory specification has it.</summary>
    public static string Default(Shell shell)
    {
        var home = shell.Variable("XDG_DATA_HOME") is { Length: > 0 } data
            ? data
            : Path.Combine(shell.Variable("HOME") is { Length: > 0 } user ? user : Path.GetTempPath(), ".local", "share");
        return Path.Combine(home, "orchestrator");
    }

    /// <summary>Makes it where it isn't there.</summary>
    /// <exception cref="CliException">It can't be made or written to.</exception>
    public static string Prepare(string path)
    {
        var full = Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(full);
            var probe = Path.Combine(full, $".probe-{Environment.ProcessId}");
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
            return full;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CliException.BadInput($"the data directory {full} can't be written: {exception.Message}; name another with --data-dir");
        }
    }
}
