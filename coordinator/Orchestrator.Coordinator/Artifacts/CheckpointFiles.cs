using System.Text.Json;
using Grpc.Core;
using Orchestrator.Coordinator.Api;

namespace Orchestrator.Coordinator.Artifacts;

/// <summary>What a checkpoint's <c>manifest.json</c> says of its other files: <c>{"files": {"model.safetensors": {"sha256": "...", "bytes": 1}}}</c>.</summary>
internal sealed record CheckpointFiles(IReadOnlyDictionary<string, CheckpointFiles.Entry> Entries)
{
    public const string Manifest = "manifest.json";

    internal sealed record Entry(string Sha256, long Bytes);

    /// <exception cref="UserException">INVALID_ARGUMENT: not JSON, or no such map.</exception>
    public static CheckpointFiles Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 32 });
            var entries = new Dictionary<string, Entry>(StringComparer.Ordinal);
            foreach (var file in document.RootElement.GetProperty("files").EnumerateObject())
            {
                CheckName(file.Name);
                entries[file.Name] = new Entry(file.Value.GetProperty("sha256").GetString() ?? "", file.Value.GetProperty("bytes").GetInt64());
            }

            return new CheckpointFiles(entries);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw Refused("corrupt-manifest", $"{Manifest} has no readable `files` map");
        }
    }

    /// <summary>Names are plain: what an agent sends must not lead out of the checkpoint's folder.</summary>
    public static void CheckName(string name)
    {
        var plain = name.Length is > 0 and <= 128 && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');
        if (!plain)
        {
            throw Refused("bad-file-name", "a checkpoint's file has a name that is not plain letters, digits, '.', '-' and '_'");
        }
    }

    /// <summary>Identifiers name folders, so they are as plain as file names.</summary>
    public static void CheckId(string id)
    {
        var plain = id.Length is > 0 and <= 200 && char.IsAsciiLetterOrDigit(id[0]) && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
        if (!plain)
        {
            throw Refused("bad-checkpoint-id", "a checkpoint's identifier must be plain letters, digits, '.', '-' and '_'");
        }
    }

    /// <summary>Every file that came is in the manifest, as it says, and every one that it names came.</summary>
    public void Check(IReadOnlyDictionary<string, Entry> received)
    {
        foreach (var (name, said) in Entries)
        {
            if (!received.TryGetValue(name, out var got))
            {
                throw Refused("missing-file", $"{name} is in the manifest and did not come");
            }

            if (got != said)
            {
                throw Refused("hash-mismatch", $"{name} is not what the manifest says: {got.Bytes} bytes {got.Sha256}, not {said.Bytes} bytes {said.Sha256}");
            }
        }

        if (received.Keys.FirstOrDefault(name => name != Manifest && !Entries.ContainsKey(name)) is { } stray)
        {
            throw Refused("stray-file", $"{stray} is not in the manifest");
        }
    }

    public static UserException Refused(string code, string message) => new(StatusCode.InvalidArgument, code, message, "write the checkpoint again");
}
