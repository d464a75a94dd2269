using System.Buffers.Binary;

namespace Orchestrator.Data.Importing;

/// <summary>Which files of a folder are images and labels, as the MNIST family names them.</summary>
internal static class IdxFolder
{
    public static bool Looks(string folder) => Find(folder, "train-images") is not null || Find(folder, "t10k-images") is not null;

    /// <summary>The image and label files of a part; null where both are absent.</summary>
    public static (string Images, string Labels)? Part(string folder, string part) =>
        (Find(folder, $"{part}-images"), Find(folder, $"{part}-labels")) switch
        {
            (null, null) => null,
            ({ } images, { } labels) => (SourceFile.Check(images), SourceFile.Check(labels)),
            (null, _) => throw Missing(folder, $"{part}-images-idx3-ubyte"),
            _ => throw Missing(folder, $"{part}-labels-idx1-ubyte"),
        };

    private static string? Find(string folder, string begin)
    {
        // Names are train-images-idx3-ubyte or train-images.idx3-ubyte, plain or .gz; the plain one wins.
        var found = Directory.EnumerateFiles(folder, begin + "*").Order(StringComparer.Ordinal).ToArray();
        return found.FirstOrDefault(path => !path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)) ?? found.FirstOrDefault();
    }

    private static DataFormatException Missing(string folder, string name) =>
        new("missing", $"{folder}: {name} is not there", "images and labels belong together: put both, plain or .gz, into the folder");
}

/// <summary>One IDX file (http://yann.lecun.com/exdb/mnist): a magic number, the dimensions, then bytes.</summary>
internal sealed class IdxFile : IDisposable
{
    private readonly Stream stream;

    /// <param name="dimensions">How many it must have: 3 for images, 1 for labels.</param>
    public IdxFile(string path, int dimensions)
    {
        Path = path;
        stream = SourceFile.Open(path);
        try
        {
            Span<byte> header = stackalloc byte[4 * (1 + dimensions)];
            Read(header[..4], 0);
            var magic = BinaryPrimitives.ReadInt32BigEndian(header);
            if (magic != 0x800 + dimensions)
            {
                throw new DataFormatException(
                    "magic",
                    $"{path}: begins with {magic:x8} where {0x800 + dimensions:x8} is due",
                    $"an IDX file of bytes with {dimensions} dimensions is wanted");
            }

            Read(header[4..], 0);
            Dimensions = new int[dimensions];
            for (var index = 0; index < dimensions; index++)
            {
                Dimensions[index] = BinaryPrimitives.ReadInt32BigEndian(header[(4 * (index + 1))..]);
            }

            var tooLarge = dimensions == 3 && (Dimensions[1] > 16_384 || Dimensions[2] > 16_384);
            if (tooLarge || Array.Exists(Dimensions, dimension => dimension < 1))
            {
                throw new DataFormatException(
                    "empty",
                    $"{path}: its header says {string.Join(" x ", Dimensions)}",
                    "at least one row is wanted, and images up to 16384 x 16384");
            }
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    public string Path { get; }

    /// <summary>Rows first.</summary>
    public int[] Dimensions { get; }

    public int Rows => Dimensions[0];

    /// <param name="row">From 1, for the error.</param>
    public void Read(Span<byte> bytes, int row)
    {
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
        {
            throw new DataFormatException(
                "truncated", $"{Path}: ends in {(row == 0 ? "its header" : $"row {row} of {Rows}")}", "fetch the file again");
        }
    }

    /// <summary>Nothing may follow the last row.</summary>
    public void End()
    {
        if (stream.ReadByte() >= 0)
        {
            throw new DataFormatException(
                "trailing", $"{Path}: goes on after its {Rows} rows", "its header and its contents differ: fetch the file again");
        }
    }

    public void Dispose() => stream.Dispose();
}
