using System.Text.Json;

namespace Orchestrator.Data.Formats;

/// <summary>Where a tensor lies in a file.</summary>
/// <param name="Begin">Bytes from the end of the header.</param>
public sealed record TensorLocation(string Name, DType DType, IReadOnlyList<long> Shape, long Begin, long Length);

/// <summary>Reads the JSON header of a safetensors file that anybody may have written: every field is checked against the file's
/// size.</summary>
internal static class SafetensorsHeader
{
    /// <summary>A header's greatest length; a file that claims more is refused before anything is read.</summary>
    public const int GreatestLength = 16 << 20;

    private const int GreatestRank = 16;

    public static (Dictionary<string, TensorLocation> Tensors, Dictionary<string, string> Metadata) Parse(
        ReadOnlySpan<byte> json, long dataLength, string file)
    {
        var tensors = new Dictionary<string, TensorLocation>(StringComparer.Ordinal);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 4 });
            Expect(ref reader, JsonTokenType.StartObject);
            var first = true;
            while (Next(ref reader) != JsonTokenType.EndObject)
            {
                var name = reader.GetString()!;
                if (name == SafetensorsWriter.MetadataKey)
                {
                    if (!first)
                    {
                        throw new JsonException("the metadata are not the first field");
                    }

                    ReadMetadata(ref reader, metadata);
                }
                else if (name.Length == 0 || !tensors.TryAdd(name, ReadTensor(ref reader, name)))
                {
                    throw new JsonException($"tensor '{name}' is there twice or has no name");
                }

                first = false;
            }

            if (reader.Read())
            {
                throw new JsonException("there is more after the header's end");
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException or OverflowException)
        {
            throw new DataFormatException(
                "header", $"{file}: its header can't be read: {OneLine(error.Message)}", SafetensorsFile.Mend, error);
        }

        CheckCoverage(tensors, dataLength, file);
        return (tensors, metadata);
    }

    private static void ReadMetadata(ref Utf8JsonReader reader, Dictionary<string, string> metadata)
    {
        Expect(ref reader, JsonTokenType.StartObject);
        while (Next(ref reader) != JsonTokenType.EndObject)
        {
            var key = reader.GetString()!;
            Expect(ref reader, JsonTokenType.String);
            if (!metadata.TryAdd(key, reader.GetString()!))
            {
                throw new JsonException($"metadata '{key}' are there twice");
            }
        }
    }

    private static TensorLocation ReadTensor(ref Utf8JsonReader reader, string name)
    {
        DType? dtype = null;
        long[]? shape = null;
        long[]? offsets = null;
        Expect(ref reader, JsonTokenType.StartObject);
        while (Next(ref reader) != JsonTokenType.EndObject)
        {
            var field = reader.GetString();
            switch (field)
            {
                case "dtype" when dtype is null:
                    Expect(ref reader, JsonTokenType.String);
                    dtype = DTypes.TryParse(reader.GetString(), out var known)
                        ? known
                        : throw new JsonException($"tensor '{name}' has dtype {reader.GetString()}; known are U8, I64, F32, F64");
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(ref reader, GreatestRank);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(ref reader, 2);
                    break;
                default:
                    throw new JsonException($"tensor '{name}' has a field '{field}' twice or that is not known");
            }
        }

        if (dtype is null || shape is null || offsets is not [var begin, var end])
        {
            throw new JsonException($"tensor '{name}' lacks its dtype, shape or data_offsets");
        }

        long length = dtype.Value.Size();
        foreach (var dimension in shape)
        {
            length = checked(length * dimension);
        }

        return end >= begin && end - begin == length
            ? new TensorLocation(name, dtype.Value, shape, begin, length)
            : throw new JsonException($"tensor '{name}' of {length} bytes claims the bytes {begin} to {end}");
    }

    private static long[] ReadNumbers(ref Utf8JsonReader reader, int atMost)
    {
        var numbers = new List<long>();
        Expect(ref reader, JsonTokenType.StartArray);
        while (Next(ref reader) != JsonTokenType.EndArray)
        {
            var number = reader.GetInt64();
            if (number < 0 || numbers.Count == atMost)
            {
                throw new JsonException("a shape or an offset is negative or too long");
            }

            numbers.Add(number);
        }

        return [.. numbers];
    }

    /// <summary>The format wants the data covered exactly: no overlap, no gap, nothing behind.</summary>
    private static void CheckCoverage(Dictionary<string, TensorLocation> tensors, long dataLength, string file)
    {
        var end = 0L;
        foreach (var tensor in tensors.Values.OrderBy(tensor => tensor.Begin).ThenBy(tensor => tensor.Length))
        {
            if (tensor.Begin != end)
            {
                throw new DataFormatException(
                    "overlap", $"{file}: tensor '{tensor.Name}' begins at byte {tensor.Begin} where {end} is due", SafetensorsFile.Mend);
            }

            // Both are at most the file's length here, so the sum can't overflow.
            if (tensor.Length > dataLength - end)
            {
                throw new DataFormatException(
                    "truncated", $"{file}: tensor '{tensor.Name}' ends behind the file's end", SafetensorsFile.Mend);
            }

            end += tensor.Length;
        }

        if (end != dataLength)
        {
            throw new DataFormatException("overlap", $"{file}: {dataLength - end} bytes belong to no tensor", SafetensorsFile.Mend);
        }
    }

    private static JsonTokenType Next(ref Utf8JsonReader reader) =>
        reader.Read() ? reader.TokenType : throw new JsonException("it ends early");

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType token)
    {
        if (Next(ref reader) != token)
        {
            throw new JsonException($"{token} is due, not {reader.TokenType}");
        }
    }

    private static string OneLine(string message) => message.ReplaceLineEndings(" ");
}
