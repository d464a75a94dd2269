using System.IO.Compression;

namespace Orchestrator.Data.Importing;

/// <summary>A file to import, plain or .gz.</summary>
internal static class SourceFile
{
    private static readonly byte[] Marker = "orchestrator: here the file ends"u8.ToArray();

    /// <summary>Refuses a file that is missing, empty, or whose compression is damaged or cut off.</summary>
    /// <returns>The path.</returns>
    public static string Check(string path)
    {
        if (!File.Exists(path))
        {
            throw new DataFormatException("missing", $"{path}: there is no such file", "check the path");
        }

        var file = new FileInfo(path);
        if ((file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file).Length == 0)
        {
            throw new DataFormatException("empty", $"{path}: the file is empty", "check that it was written or fetched whole");
        }

        if (IsCompressed(path))
        {
            CheckCompression(path);
        }

        return path;
    }

    /// <summary>The contents, decompressed where the name ends in .gz.</summary>
    public static Stream Open(string path)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16, FileOptions.SequentialScan);
        return IsCompressed(path) ? new BufferedStream(new GZipStream(file, CompressionMode.Decompress), 1 << 16) : file;
    }

    public static DataFormatException Damaged(string path, Exception? error) =>
        new("gzip", $"{path}: the compressed contents are damaged or cut off", "fetch the file again", error);

    private static bool IsCompressed(string path) => path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// GZipStream takes the end of a file that was cut off for the end of the contents. So one more member is put behind it: a file that
    /// is whole decompresses to the contents and the marker, any other
    /// swallows the marker as a part of its own, and fails by its checksum or ends without it.
    /// </summary>
    private static void CheckCompression(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        using var contents = new GZipStream(new Followed(file, CompressedMarker()), CompressionMode.Decompress);
        var buffer = new byte[1 << 16];
        var tail = new byte[Marker.Length];
        try
        {
            while (contents.Read(buffer, 0, buffer.Length) is > 0 and var read)
            {
                var kept = Math.Max(0, tail.Length - read);
                tail = [.. tail[^kept..], .. buffer.AsSpan(Math.Max(0, read - tail.Length), Math.Min(read, tail.Length))];
            }
        }
        catch (InvalidDataException error)
        {
            throw Damaged(path, error);
        }

        if (!tail.AsSpan().SequenceEqual(Marker))
        {
            throw Damaged(path, null);
        }
    }

    private static byte[] CompressedMarker()
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Fastest))
        {
            gzip.Write(Marker);
        }

        return memory.ToArray();
    }

    /// <summary>A stream, and some bytes behind it.</summary>
    private sealed class Followed(Stream first, byte[] second) : Stream
    {
        private int position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var read = first.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            var more = Math.Min(buffer.Length - read, second.Length - position);
            second.AsSpan(position, more).CopyTo(buffer[read..]);
            position += more;
            return read + more;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
