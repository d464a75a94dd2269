using System.Security.Cryptography;
using System.Text.Json;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Checkpoints;

/// <summary>What a checkpoint's <c>manifest.json</c> says of its other files: name, length and SHA-256.</summary>
/// <param name="Directory">Of a command's checkpoint, what its archive holds, by path; null where it is none, or one of an older version.</param>
public sealed record CheckpointManifest(IReadOnlyDictionary<string, CheckpointManifest.Entry> Files, IReadOnlyDictionary<string, CheckpointManifest.Entry>? Directory = null)
{
    public const string Name = "manifest.json";

    public const string Weights = "model.safetensors";

    /// <param name="Bytes">Null where the manifest does not say.</param>
    public sealed record Entry(string Sha256, long? Bytes);

    /// <exception cref="CliException">Missing, not JSON, or without a readable <c>files</c> map.</exception>
    public static CheckpointManifest Read(string folder)
    {
        var path = Path.Combine(folder, Name);
        if (!File.Exists(path))
        {
            throw CliException.BadInput($"{path} is missing: {folder} is no checkpoint, or not a whole one");
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return new(
                EntriesOf(document.RootElement.GetProperty("files"), CheckName),
                document.RootElement.TryGetProperty("directory", out var directory) ? EntriesOf(directory, CommandDirectory.CheckPath) : null);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw CliException.BadInput($"{path} is corrupt: it has no readable map of the checkpoint's files; fetch the checkpoint again");
        }
    }

    /// <summary>The SHA-256 of the model's weights, or of a command's directory as it was archived; empty where the checkpoint has neither.</summary>
    public string WeightsHash => (Files.GetValueOrDefault(Weights) ?? Files.GetValueOrDefault(CommandDirectory.Archive))?.Sha256 ?? "";

    /// <summary>Compares every file with what the manifest says of it.</summary>
    /// <exception cref="CliException">Names the first file that is missing, cut off or altered.</exception>
    public static async Task<CheckpointManifest> VerifyAsync(string folder, CancellationToken cancellation)
    {
        var manifest = Read(folder);
        foreach (var (name, entry) in CommandDirectory.IsUnpacked(folder, manifest) ? CommandDirectory.Entries(manifest) : manifest.Files)
        {
            var file = new FileInfo(Path.Combine(folder, name));
            if (!file.Exists)
            {
                throw CliException.BadInput($"{file} is missing, and the manifest names it; fetch the checkpoint again");
            }

            if (entry.Bytes is { } bytes && bytes != file.Length)
            {
                throw CliException.BadInput($"{file} is corrupt: it has {file.Length} bytes and the manifest says {bytes}; fetch the checkpoint again");
            }

            await using var stream = file.OpenRead();
            var hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellation));
            if (!hash.Equals(entry.Sha256, StringComparison.OrdinalIgnoreCase))
            {
                throw CliException.BadInput($"{file} is corrupt: its SHA-256 is {hash} and the manifest says {entry.Sha256}; fetch the checkpoint again");
            }
        }

        return manifest;
    }

    private static SortedDictionary<string, Entry> EntriesOf(JsonElement map, Func<string, string> check)
    {
        var entries = new SortedDictionary<string, Entry>(StringComparer.Ordinal);
        foreach (var file in map.EnumerateObject())
        {
            entries[check(file.Name)] = new(
                file.Value.GetProperty("sha256").GetString() ?? "",
                file.Value.TryGetProperty("bytes", out var bytes) ? bytes.GetInt64() : null);
        }

        return entries;
    }

    /// <summary>Names are plain: what a coordinator or a manifest says must not lead out of the folder.</summary>
    /// <exception cref="CliException">It is not.</exception>
    public static string CheckName(string name) =>
        name.Length is > 0 and <= 128 && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_')
            ? name
            : throw CliException.BadInput("a checkpoint's file has a name that is not plain letters, digits, '.', '-' and '_'");
}
