using System.Buffers.Binary;
using System.IO.Compression;
using Orchestrator.Data.Importing;

namespace Orchestrator.Data.Tests;

public sealed class IdxImportTests : IDisposable
{
    private const string Fashion = "/usr/share/datasets/fashion-mnist";

    private readonly TemporaryFolder folder = new();

    public IdxImportTests()
    {
        // Two rows of 1x2 images to train, one to test.
        folder.Write("idx/train-images-idx3-ubyte", Idx([2, 1, 2], 10, 20, 30, 40));
        folder.Write("idx/train-labels-idx1-ubyte", Idx([2], 7, 3));
        folder.Write("idx/t10k-images-idx3-ubyte.gz", Gzip(Idx([1, 1, 2], 50, 60)));
        folder.Write("idx/t10k-labels.idx1-ubyte", Idx([1], 7));
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_sources_own_split_is_kept_and_decides_the_scale()
    {
        var manifest = Import();
        Assert.Equal([SourceSplit.Train, SourceSplit.Test], manifest.Chunks.Select(chunk => chunk.Split));
        Assert.Equal(["3", "7"], manifest.Classes);
        Assert.Equal(25, manifest.Features["image"].Mean.Single());
        Assert.Equal(Math.Sqrt(125), manifest.Features["image"].Std.Single());
        using var dataset = Dataset.Open(folder["data"], splitSeed: 0);
        Assert.Equal([1, 1, 1], new[] { SplitName.Train, SplitName.Validation, SplitName.Test }.Select(split => dataset.Split(split).Rows));
        var (image, label) = (new byte[2], new long[1]);
        dataset.Split(SplitName.Test).Gather<byte>("image", [0], image);
        dataset.Split(SplitName.Test).Gather<long>("label", [0], label);
        Assert.Equal([50, 60], image);
        Assert.Equal(1, label[0]);
    }

    [Fact]
    public void A_train_part_alone_has_no_split()
    {
        File.Delete(folder["idx/t10k-images-idx3-ubyte.gz"]);
        File.Delete(folder["idx/t10k-labels.idx1-ubyte"]);
        Assert.Equal([SourceSplit.All], Import().Chunks.Select(chunk => chunk.Split));
    }

    [Fact]
    public void A_wrong_magic_number_is_refused() => Refuse("train-images-idx3-ubyte", Idx([4], 1, 2, 3, 4), "magic");

    [Fact]
    public void An_empty_file_is_refused() => Refuse("train-labels-idx1-ubyte", [], "empty");

    [Fact]
    public void A_header_that_claims_nothing_or_far_too_much_is_refused()
    {
        Refuse("train-images-idx3-ubyte", Idx([0, 1, 2]), "empty");
        Refuse("train-images-idx3-ubyte", Idx([2, -1, 2], 1, 2), "empty");
        Refuse("train-images-idx3-ubyte", Idx([2, 2_000_000, 2_000_000], 1, 2), "empty");
        Refuse("train-images-idx3-ubyte", [0, 0], "truncated");
    }

    [Fact]
    public void Images_cut_off_are_refused_with_their_row()
    {
        var error = Refuse("train-images-idx3-ubyte", Idx([2, 1, 2], 10, 20, 30), "truncated");
        Assert.Contains("row 2 of 2", error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_behind_the_last_row_are_refused() =>
        Refuse("train-images-idx3-ubyte", Idx([2, 1, 2], 10, 20, 30, 40, 50), "trailing");

    [Fact]
    public void More_images_than_labels_are_refused() => Refuse("train-images-idx3-ubyte", Idx([3, 1, 2], 1, 2, 3, 4, 5, 6), "counts");

    [Fact]
    public void A_test_label_that_nobody_trains_is_refused() => Refuse("t10k-labels.idx1-ubyte", Idx([1], 4), "label-range");

    [Fact]
    public void Test_images_of_another_size_are_refused() => Refuse("t10k-images-idx3-ubyte.gz", Gzip(Idx([1, 2, 1], 50, 60)), "shape");

    [Fact]
    public void Damaged_compression_is_refused()
    {
        var whole = Gzip(Idx([1, 1, 2], 50, 60));
        Refuse("t10k-images-idx3-ubyte.gz", whole[..^5], "gzip");
        whole[^6] ^= 1;
        Refuse("t10k-images-idx3-ubyte.gz", whole, "gzip");
    }

    [Fact]
    public void Images_without_labels_are_refused()
    {
        File.Delete(folder["idx/train-labels-idx1-ubyte"]);
        Assert.Equal("missing", Assert.Throws<DataFormatException>(Import).Code);
    }

    /// <summary>Debian's package dataset-fashion-mnist; the test script installs it.</summary>
    [Fact]
    public void Fashion_mnist_is_what_it_always_was()
    {
        Assert.True(Directory.Exists(Fashion), "install the package dataset-fashion-mnist");
        var manifest = DatasetImport.Run(Fashion, new ImportOptions(), folder["fashion"], TestContext.Current.CancellationToken);
        Assert.Equal(Golden.FashionManifest, manifest.Sha256);
        Assert.Equal(10, manifest.Classes.Length);

        // The published mean and deviation of its pixels, in parts of 255.
        Assert.Equal(0.2860, manifest.Features["image"].Mean.Single() / 255, 4);
        Assert.Equal(0.3530, manifest.Features["image"].Std.Single() / 255, 4);
        using var dataset = Dataset.Open(folder["fashion"], splitSeed: 0);
        Assert.Equal(
            [54_000, 6_000, 10_000],
            new[] { SplitName.Train, SplitName.Validation, SplitName.Test }.Select(split => dataset.Split(split).Rows));
        var labels = new long[6000];
        dataset.Split(SplitName.Validation).Gather<long>("label", [.. Enumerable.Range(0, 6000).Select(row => (long)row)], labels);
        Assert.All(labels.GroupBy(label => label), group => Assert.Equal(600, group.Count()));
    }

    private static byte[] Idx(int[] dimensions, params byte[] values)
    {
        var bytes = new byte[4 + (4 * dimensions.Length)];
        bytes[2] = 8;
        bytes[3] = (byte)dimensions.Length;
        for (var index = 0; index < dimensions.Length; index++)
        {
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4 * (index + 1)), dimensions[index]);
        }

        return [.. bytes, .. values];
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return memory.ToArray();
    }

    private DatasetManifest Import() =>
        DatasetImport.Run(folder["idx"], new ImportOptions(), folder["data"], TestContext.Current.CancellationToken);

    private DataFormatException Refuse(string name, byte[] bytes, string code)
    {
        folder.Write("idx/" + name, bytes);
        var error = Assert.Throws<DataFormatException>(Import);
        Assert.Equal(code, error.Code);
        Assert.Contains(name, error.Problem, StringComparison.Ordinal);
        Assert.Equal([folder["idx"]], Directory.GetFileSystemEntries(folder.Root));
        return error;
    }
}
