using System.Buffers.Binary;

namespace Orchestrator.Worker.Bench;

/// <summary>Random images with the shape and number of Fashion-MNIST's: what they show costs no time.</summary>
internal static class SyntheticImages
{
    public const int Rows = 60_000;
    public const int Side = 28;
    public const int Classes = 10;

    public static byte[] Pixels(int rows = Rows)
    {
        var pixels = new byte[rows * Side * Side];
        new Random(1).NextBytes(pixels);
        return pixels;
    }

    public static byte[] Labels(int rows = Rows) => [.. Enumerable.Range(0, rows).Select(row => (byte)(row % Classes))];

    public static void WriteIdx(string folder, int rows = Rows)
    {
        Directory.CreateDirectory(folder);
        Write(Path.Combine(folder, "train-images-idx3-ubyte"), Pixels(rows), rows, Side, Side);
        Write(Path.Combine(folder, "train-labels-idx1-ubyte"), Labels(rows), rows);
    }

    private static void Write(string path, byte[] contents, params ReadOnlySpan<int> dimensions)
    {
        using var file = File.Create(path);
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, 0x800 + dimensions.Length);
        file.Write(number);
        foreach (var dimension in dimensions)
        {
            BinaryPrimitives.WriteInt32BigEndian(number, dimension);
            file.Write(number);
        }

        file.Write(contents);
    }
}
