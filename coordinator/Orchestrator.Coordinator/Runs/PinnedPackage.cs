using System.Security.Cryptography;
using Orchestrator.Specs;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Coordinator.Runs;

/// <summary>The user's assembly as it is when its file is submitted: what changes later is refused by the trainers.</summary>
internal static class PinnedPackage
{
    /// <param name="package">As the file says; null where it names none.</param>
    /// <param name="folder">Where the file's relative paths begin; empty for this process's own folder.</param>
    /// <exception cref="SpecException">It can't be read; names the field's place.</exception>
    public static async Task<PackageSpec?> OfAsync(PackageSpec? package, string folder, Func<string, Place> placeOf, CancellationToken cancellationToken)
    {
        if (package is null)
        {
            return null;
        }

        var path = Path.GetFullPath(Path.Combine(folder, package.Path));
        try
        {
            await using var assembly = File.OpenRead(path);
            return new PackageSpec(path, Convert.ToHexStringLower(await SHA256.HashDataAsync(assembly, cancellationToken)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw placeOf("package").Error("unknown-package", $"{path} can't be read by the coordinator: {Reason(error)}", "build it first, and name it relative to this file");
        }
    }

    private static string Reason(Exception error) => error is FileNotFoundException or DirectoryNotFoundException ? "there is no such file" : error.Message;
}
