using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Orchestrator.Data.Formats;

/// <summary>
/// Writes the safetensors format (https://huggingface.co/docs/safetensors) in one canonical form, so that equal contents have equal
/// bytes: header keys sorted
/// (ordinal, metadata first), no spaces but the padding to 8 bytes; tensors without gaps, the wider dtypes first and by name within, so
/// that every element is aligned.
/// </summary>
public static class SafetensorsWriter
{
    internal const string MetadataKey = "__metadata__";

    /// <summary>Writes a file that must not exist yet.</summary>
    /// <param name="fsync">Returns once the bytes are on the disk.</param>
    /// <returns>The file's SHA-256, lower-case hex.</returns>
    public static string Write(
        string path,
        IEnumerable<TensorEntry> tensors,
        IReadOnlyDictionary<string, string>? metadata = null,
        bool fsync = false,
        CancellationToken cancellationToken = default)
    {
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        var hash = Write(file, tensors, metadata, cancellationToken);
        file.Flush(fsync);
        return hash;
    }

    /// <summary>The SHA-256 that the file would have, without writing it.</summary>
    public static string Hash(IEnumerable<TensorEntry> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        Write(Stream.Null, tensors, metadata);

    /// <inheritdoc cref="Write(string, IEnumerable{TensorEntry}, IReadOnlyDictionary{string, string}?, bool, CancellationToken)"/>
    public static string Write(
        Stream destination,
        IEnumerable<TensorEntry> tensors,
        IReadOnlyDictionary<string, string>? metadata = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(tensors);
        var ordered = tensors.OrderByDescending(tensor => tensor.DType.Size()).ThenBy(
            tensor => tensor.Name, StringComparer.Ordinal).ToArray();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var header = Header(ordered, metadata);
        Append(header);
        foreach (var tensor in ordered)
        {
            var length = tensor.ByteLength;
            for (var offset = 0L; offset < length;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var piece = tensor.Bytes(offset);
                if (piece.IsEmpty || piece.Length > length - offset)
                {
                    throw new ArgumentException($"Tensor {tensor.Name} has other bytes than its shape says ({length}).", nameof(tensors));
                }

                piece = piece[..Math.Min(piece.Length, 4 << 20)];
                Append(piece);
                offset += piece.Length;
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Append(ReadOnlySpan<byte> bytes)
        {
            hash.AppendData(bytes);
            destination.Write(bytes);
        }
    }

    private static byte[] Header(TensorEntry[] ordered, IReadOnlyDictionary<string, string>? metadata)
    {
        var begins = new Dictionary<string, long>(ordered.Length, StringComparer.Ordinal);
        var end = 0L;
        foreach (var tensor in ordered)
        {
            if (tensor.Name.Length == 0 || tensor.Name == MetadataKey || !begins.TryAdd(tensor.Name, end))
            {
                throw new ArgumentException($"The tensor name '{tensor.Name}' is empty, reserved or there twice.", nameof(ordered));
            }

            end = checked(end + tensor.ByteLength);
        }

        var buffer = new ArrayBufferWriter<byte>(256 + (128 * ordered.Length));
        buffer.GetSpan(8)[..8].Clear();
        buffer.Advance(8);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            WriteMetadata(json, metadata);
            foreach (var tensor in ordered.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.DType.SafetensorsName());
                json.WriteStartArray("shape");
                foreach (var dimension in tensor.Shape)
                {
                    json.WriteNumberValue(dimension);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(begins[tensor.Name]);
                json.WriteNumberValue(begins[tensor.Name] + tensor.ByteLength);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        var padding = (8 - (buffer.WrittenCount % 8)) % 8;
        buffer.GetSpan(8)[..padding].Fill((byte)' ');
        buffer.Advance(padding);
        var bytes = buffer.WrittenSpan.ToArray();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)bytes.Length - 8);
        return bytes;
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string>? metadata)
    {
        if (metadata is null || metadata.Count == 0)
        {
            return;
        }

        json.WriteStartObject(MetadataKey);
        foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            json.WriteString(key, value);
        }

        json.WriteEndObject();
    }
}
