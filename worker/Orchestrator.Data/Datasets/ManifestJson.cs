using System.Buffers;
using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Orchestrator.Data;

/// <summary>manifest.json: fields in a fixed order, no spaces, one line feed at the end.</summary>
internal static class ManifestJson
{
    private const int Version = 1;
    private const int GreatestLength = 64 << 20;
    private const long GreatestRowBytes = 1L << 30;
    private const long GreatestRows = 1L << 48;

    public static byte[] Write(DatasetManifest manifest)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteNumber("version", Version);
            json.WriteStartObject("features");
            foreach (var (name, feature) in manifest.Features.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", feature.DType.ManifestName());
                WriteArray(json, "shape", feature.Shape, json.WriteNumberValue);
                WriteArray(json, "mean", feature.Mean, json.WriteNumberValue);
                WriteArray(json, "std", feature.Std, json.WriteNumberValue);
                json.WriteEndObject();
            }

            json.WriteEndObject();
            json.WriteString("target", manifest.Target);
            WriteArray(json, "classes", manifest.Classes, json.WriteStringValue);
            json.WriteStartArray("chunks");
            foreach (var chunk in manifest.Chunks)
            {
                json.WriteStartObject();
                json.WriteString("sha256", chunk.Sha256);
                json.WriteString("split", NameOf(chunk.Split));
                json.WriteNumber("rows", chunk.Rows);
                json.WriteNumber("bytes", chunk.Bytes);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    public static DatasetManifest Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            if (json.Length > GreatestLength)
            {
                throw new JsonException($"it has more than {GreatestLength} bytes");
            }

            using var document = JsonDocument.Parse(
                json.ToArray(), new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false });
            return Check(Read(document.RootElement));
        }
        catch (Exception error)
            when (error is JsonException or InvalidOperationException or FormatException or OverflowException or KeyNotFoundException)
        {
            throw new DataFormatException(
                "manifest",
                $"manifest.json can't be read: {error.Message.ReplaceLineEndings(" ")}",
                "add the dataset again with 'orch dataset add'",
                error);
        }
    }

    private static DatasetManifest Read(JsonElement root)
    {
        Fields(root, "version", "features", "target", "classes", "chunks");
        if (root.GetProperty("version").GetInt32() != Version)
        {
            throw new JsonException($"its version is {root.GetProperty("version").GetInt32()}, this program knows {Version}");
        }

        return new DatasetManifest
        {
            Features = root.GetProperty("features").EnumerateObject().ToImmutableSortedDictionary(
                field => field.Name, field => ReadFeature(field.Value), StringComparer.Ordinal),
            Target = Text(root, "target"),
            Classes =
            [
                .. root.GetProperty("classes").EnumerateArray().Select(value => value.GetString() ?? throw new JsonException("a class is null")),
            ],
            Chunks = [.. root.GetProperty("chunks").EnumerateArray().Select(ReadChunk)],
        };
    }

    private static FeatureSpec ReadFeature(JsonElement json)
    {
        Fields(json, "dtype", "shape", "mean", "std");
        return new FeatureSpec(
            DTypes.TryParse(Text(json, "dtype"), out var dtype)
                ? dtype
                : throw new JsonException($"dtype '{Text(json, "dtype")}' is not known"),
            [.. json.GetProperty("shape").EnumerateArray().Select(value => value.GetInt64())],
            [.. json.GetProperty("mean").EnumerateArray().Select(value => value.GetDouble())],
            [.. json.GetProperty("std").EnumerateArray().Select(value => value.GetDouble())]);
    }

    private static ChunkSpec ReadChunk(JsonElement json)
    {
        Fields(json, "sha256", "split", "rows", "bytes");
        return new ChunkSpec(
            Text(json, "sha256"), SplitOf(Text(json, "split")), json.GetProperty("rows").GetInt64(), json.GetProperty("bytes").GetInt64());
    }

    private static DatasetManifest Check(DatasetManifest manifest)
    {
        foreach (var (name, feature) in manifest.Features)
        {
            var channels = feature.Mean.Length;
            if (name.Length == 0
                || feature.Shape.Length > 8
                || feature.Shape.Any(dimension => dimension is < 1 or > GreatestRowBytes)
                || feature.RowBytes > GreatestRowBytes)
            {
                throw new JsonException($"feature '{name}' has an impossible name or shape");
            }

            if (channels != feature.Std.Length || (channels != 0 && channels != feature.Channels) || feature.Std.Any(value => value < 0))
            {
                throw new JsonException(
                    $"feature '{name}' has {channels} means and {feature.Std.Length} deviations for {feature.Channels} channels");
            }
        }

        if (!manifest.Features.TryGetValue(manifest.Target, out var target))
        {
            throw new JsonException($"its target '{manifest.Target}' is none of its features");
        }

        if (!manifest.Classes.IsEmpty && (target.DType != DType.I64 || !target.Shape.IsEmpty))
        {
            throw new JsonException($"its target '{manifest.Target}' has classes and is not a single i64");
        }

        if (manifest.Chunks.IsEmpty)
        {
            throw new JsonException("it has no chunks");
        }

        var rows = 0L;
        foreach (var chunk in manifest.Chunks)
        {
            rows = checked(rows + chunk.Rows);
            if (!IsSha256(chunk.Sha256) || chunk.Rows < 1 || chunk.Bytes < 8 || rows > GreatestRows)
            {
                throw new JsonException($"chunk '{chunk.Sha256}' has an impossible hash, row count or size");
            }
        }

        return manifest;
    }

    /// <summary>The hash becomes a file's name: nothing but 64 lower-case hex digits will do.</summary>
    private static bool IsSha256(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigitLower);

    private static string NameOf(SourceSplit split) => split switch
    {
        SourceSplit.All => "all",
        SourceSplit.Train => "train",
        SourceSplit.Validation => "validation",
        SourceSplit.Test => "test",
        _ => throw new ArgumentOutOfRangeException(nameof(split)),
    };

    private static SourceSplit SplitOf(string name) => name switch
    {
        "all" => SourceSplit.All,
        "train" => SourceSplit.Train,
        "validation" => SourceSplit.Validation,
        "test" => SourceSplit.Test,
        _ => throw new JsonException($"split '{name}' is none of all, train, validation, test"),
    };

    private static string Text(JsonElement json, string field) =>
        json.GetProperty(field).GetString() ?? throw new JsonException($"'{field}' is null");

    private static void Fields(JsonElement json, params ReadOnlySpan<string> known)
    {
        foreach (var field in json.EnumerateObject())
        {
            if (!known.Contains(field.Name))
            {
                throw new JsonException($"field '{field.Name}' is not known");
            }
        }
    }

    private static void WriteArray<T>(Utf8JsonWriter json, string name, ImmutableArray<T> values, Action<T> write)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
        {
            write(value);
        }

        json.WriteEndArray();
    }
}
