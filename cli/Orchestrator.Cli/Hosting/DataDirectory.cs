using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Hosting;

/// <summary>Where an embedded cluster keeps its journal, datasets, checkpoints and logs.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="IsNew">Made by this command.</param>
public sealed record DataDirectory(string Path, bool IsNew)
{
    /// <summary>As the XDG base directory specification has it.</summary>
    public static string Default(Shell shell)
    {
        var home = shell.Variable("XDG_DATA_HOME") is { Length: > 0 } data
            ? data
            : System.IO.Path.Combine(shell.Variable("HOME") is { Length: > 0 } user ? user : System.IO.Path.GetTempPath(), ".local", "share");
        return System.IO.Path.Combine(home, "orchestrator");
    }

    /// <summary>Makes it where it isn't there.</summary>
    /// <exception cref="CliException">It can't be made or written to.</exception>
    public static DataDirectory Prepare(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        try
        {
            var isNew = Make(full);
            var probe = System.IO.Path.Combine(full, $".probe-{Environment.ProcessId}");
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
            return new(full, isNew);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CliException.BadInput($"the data directory {full} can't be written: {exception.Message}; name another with --data-dir");
        }
    }

    /// <summary>Takes it away again where this command has made it and no coordinator holds it.</summary>
    public void Forget()
    {
        if (!IsNew)
        {
            return;
        }

        try
        {
            // As a coordinator holds it: none can begin in a folder that goes.
            using var held = new FileStream(System.IO.Path.Combine(Path, "lock"), FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
            Directory.Delete(Path, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Somebody else uses it by now.
        }
    }

    /// <summary>Whether it was not there before; who comes second did not make it.</summary>
    private static bool Make(string path)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path) ?? "/");
        if (Native.MakeDirectory(path, Convert.ToUInt32("700", 8)) == 0)
        {
            return true;
        }

        // It is there, or can't be made: then this says why.
        Directory.CreateDirectory(path);
        return false;
    }
}
