namespace Orchestrator.Cli.Hosting;

/// <summary>What a coordinator prints, in a file of the data directory: appended to, and read from where this start began.</summary>
internal sealed class StartupLog
{
    private readonly long _from;

    private StartupLog(string path)
    {
        Path = path;
        _from = File.Exists(path) ? new FileInfo(path).Length : 0;
    }

    public string Path { get; }

    public static StartupLog In(string dataDirectory)
    {
        var logs = System.IO.Path.Combine(dataDirectory, "logs");
        Directory.CreateDirectory(logs);
        return new(System.IO.Path.Combine(logs, "coordinator.out"));
    }

    /// <summary>The last line that is no stack trace, without the program's name before it.</summary>
    public string LastLine()
    {
        if (!File.Exists(Path))
        {
            return "";
        }

        using var stream = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Seek(Math.Max(_from, stream.Length - (64 * 1024)), SeekOrigin.Begin);
        using var reader = new StreamReader(stream);
        var lines = reader.ReadToEnd().Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var line = lines.LastOrDefault(line => !line.StartsWith("at ", StringComparison.Ordinal) && !line.StartsWith("---", StringComparison.Ordinal)) ?? "";
        return Without(Without(line, "orchestrator: "), "error: ");
    }

    private static string Without(string line, string prefix) => line.StartsWith(prefix, StringComparison.Ordinal) ? line[prefix.Length..] : line;
}
