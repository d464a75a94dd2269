using System.IO.Compression;
using Orchestrator.Data.Augmentation;
using Orchestrator.Data.Formats;
using Orchestrator.Data.Importing;

namespace Orchestrator.Data.Tests;

public sealed class CsvImportTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_table_with_a_header_names_its_target()
    {
        var manifest = Import(
            "\uFEFFsize,\"kind, exactly\",weight\r\n1.5,cat,2\r\n2.5,\"d\"\"o\"\"g\",-4e0\r\n\r\n3.5,cat,6",
            new ImportOptions { Target = "kind, exactly" });
        Assert.Equal(["cat", "d\"o\"g"], manifest.Classes);
        Assert.Equal([2.5, 1.333333333333], manifest.Features["features"].Mean.Select(mean => Math.Round(mean, 12)));
        Assert.Equal([1.5f, 2, 2.5f, -4, 3.5f, 6], Chunk(manifest).Span<float>("features"));
        Assert.Equal([0L, 1, 0], Chunk(manifest).Span<long>("label"));
        Assert.Equal(SourceSplit.All, manifest.Chunks.Single().Split);
    }

    [Fact]
    public void The_last_column_is_the_target_and_the_header_is_told_from_the_first_row()
    {
        var manifest = Import("a,b,label\n1,2,30\n3,4,4\n");
        Assert.Equal(["4", "30"], manifest.Classes);
        Assert.Equal([1L, 0], Chunk(manifest).Span<long>("label"));
    }

    [Fact]
    public void Names_sort_by_their_characters_and_need_no_header()
    {
        var manifest = Import("1,b\n2,B\n3,a\n4,10\n");
        Assert.Equal(["10", "B", "a", "b"], manifest.Classes);
    }

    [Theory]
    [InlineData("1,0.5\n2,3\n", false)]
    [InlineData("1,1\n2,3\n", true)]
    public void A_target_with_fractions_or_told_so_is_a_quantity(string csv, bool regression)
    {
        var manifest = Import(csv, new ImportOptions { Regression = regression });
        Assert.Empty(manifest.Classes);
        Assert.Equal(DType.F32, manifest.Features["label"].DType);
        Assert.Equal(3f, Chunk(manifest).Span<float>("label")[1]);
        Assert.Equal(
            manifest.Features["label"].Mean.Single() - Chunk(manifest).Span<float>("label")[0], manifest.Features["label"].Std.Single());
    }

    [Fact]
    public void Whole_numbers_written_as_fractions_are_classes() => Assert.Equal(["-1", "2"], Import("1,2.0\n2,-1.0\n3,2\n").Classes);

    [Fact]
    public void Bytes_become_images_and_other_values_float_images()
    {
        var options = new ImportOptions { ImageShape = new ImageShape(1, 2, 2) };
        var bytes = Import("0,255,3,4,1\n1,2,3,4,0\n", options);
        Assert.Equal([0, 255, 3, 4, 1, 2, 3, 4], Chunk(bytes).Bytes("image").ToArray());
        Assert.Equal([2L, 1, 2, 2], Chunk(bytes).Tensors["image"].Shape);
        Directory.Delete(folder["data"], recursive: true);
        Assert.Equal(DType.F32, Import("0,256,3,4,1\n1,2,3,4,0\n", options).Features["image"].DType);
    }

    [Fact]
    public void Channels_have_their_own_mean_and_deviation()
    {
        var spec = Import("1,3,10,10,0\n5,7,10,10,1\n", new ImportOptions { ImageShape = new ImageShape(2, 1, 2) }).Features["image"];
        Assert.Equal([4, 10], spec.Mean);
        Assert.Equal([Math.Sqrt(5), 0], spec.Std);
    }

    [Fact]
    public void Many_rows_stream_into_chunks_of_a_fixed_size()
    {
        var rows = new List<long>();
        var manifest = Import(
            string.Concat(Enumerable.Range(0, 1000).Select(row => $"{row}.25,{row % 4}\n")),
            new ImportOptions { RowsPerChunk = 300 },
            new SyncProgress(rows.Add));
        Assert.Equal([300L, 300, 300, 100], manifest.Chunks.Select(chunk => chunk.Rows));
        Assert.Equal([300L, 600, 900, 1000], rows);
        Assert.All(
            manifest.Chunks, chunk => Assert.Equal(chunk.Sha256, SafetensorsFile.Sha256(Dataset.ChunkPath(folder["data"], chunk.Sha256))));
    }

    [Fact]
    public void Compressed_and_plain_give_the_same_dataset()
    {
        const string Csv = "1,2,a\n3,4,b\n";
        folder.Write("table.csv.gz", Gzip(Csv));
        var compressed = DatasetImport.Run(
            folder["table.csv.gz"], new ImportOptions(), folder["compressed"], TestContext.Current.CancellationToken);
        Assert.Equal(Import(Csv).Sha256, compressed.Sha256);
    }

    [Theory]
    [InlineData("", "empty", "file is empty")]
    [InlineData("\n\n", "empty", "no rows")]
    [InlineData("a,b\n", "empty", "no rows")]
    [InlineData("1\n2\n", "columns", "row 1")]
    [InlineData("1,2,0\n3,4\n", "ragged-row", "row 2: 2 fields instead of 3")]
    [InlineData("1,2,0\n3,4,5,6\n", "ragged-row", "row 2: 4 fields")]
    [InlineData("a,b,y\n1,x,0\n", "not-a-number", "row 2: column 'b': 'x'")]
    [InlineData("1,2,0\n1,,0\n", "not-a-number", "row 2: column 2: ''")]
    [InlineData("1,2,0\nnan,2,0\n", "not-finite", "row 2: column 1")]
    [InlineData("1,2,0\n1e39,2,0\n", "not-finite", "row 2: column 1")]
    [InlineData("1,2,0\n1,-Infinity,0\n", "not-finite", "row 2: column 2")]
    [InlineData("1,2,0\n1,2,NaN\n", "not-finite", "row 2: its target")]
    [InlineData("1,2,0\n1,2,\n", "missing-value", "row 2: its target")]
    [InlineData("1,2,0\n1,2,\"0\n", "quote", "row 2")]
    public void A_mistake_is_told_with_file_and_row(string csv, string code, string place) => Refuse(csv, new ImportOptions(), code, place);

    [Fact]
    public void Options_that_do_not_fit_the_file_are_refused()
    {
        Refuse("a,b\n1,2\n", new ImportOptions { Target = "c" }, "target", "no column 'c'");
        Refuse("1,2,3,0\n", new ImportOptions { ImageShape = new ImageShape(1, 2, 2) }, "shape", "has 4 values, a row 3");
        Refuse("1,x\n", new ImportOptions { Regression = true }, "not-a-number", "row 1: its target 'x'");
        Refuse("1,Infinity\n", new ImportOptions { Regression = true }, "not-finite", "row 1");
        Refuse("1,0\n", new ImportOptions { Format = "parquet" }, "format", "'parquet'");
        Refuse(string.Concat(Enumerable.Range(0, 65_537).Select(row => $"1,{row}\n")), new ImportOptions(), "classes", "65536");
    }

    [Fact]
    public void A_compressed_file_cut_off_anywhere_is_refused()
    {
        var whole = Gzip(string.Concat(Enumerable.Range(0, 300).Select(row => $"{row},{row * 7919 % 1000},{row % 3}\n")));
        foreach (var length in new[] { 5, 30, whole.Length / 2, whole.Length - 9, whole.Length - 8, whole.Length - 1 })
        {
            folder.Write("table.csv.gz", whole[..length]);
            RefuseFile("table.csv.gz", new ImportOptions(), "gzip", "table.csv.gz");
        }

        whole[^6] ^= 1;
        folder.Write("table.csv.gz", whole);
        RefuseFile("table.csv.gz", new ImportOptions(), "gzip", "table.csv.gz");
    }

    [Fact]
    public void A_compressed_file_of_any_length_is_read_whole()
    {
        // Stored, not compressed: the file's length goes past the end of the decompressor's buffer of 8 KiB byte by byte.
        for (var length = 8120; length < 8220; length++)
        {
            using var memory = new MemoryStream();
            using (var gzip = new GZipStream(memory, CompressionLevel.NoCompression))
            {
                gzip.Write(new byte[length]);
            }

            // One member, and two.
            folder.Write("stored.gz", memory.ToArray());
            Assert.Equal(folder["stored.gz"], SourceFile.Check(folder["stored.gz"]));
            folder.Write("stored.gz", [.. memory.ToArray(), .. Gzip("more")]);
            Assert.Equal(folder["stored.gz"], SourceFile.Check(folder["stored.gz"]));
        }
    }

    [Fact]
    public void A_path_that_is_nothing_known_is_refused()
    {
        RefuseFile("nothing.csv", new ImportOptions(), "missing", "nothing.csv");
        RefuseFile("nothing.csv", new ImportOptions { Format = "csv" }, "missing", "nothing.csv");
        folder.Write("table.xls", "1,2");
        RefuseFile("table.xls", new ImportOptions(), "format", "table.xls");
        Directory.CreateDirectory(folder["folder"]);
        RefuseFile("folder", new ImportOptions(), "format", "folder");
    }

    [Fact]
    public void What_is_there_is_not_overwritten()
    {
        folder.Write("data/mine", "mine");
        folder.Write("table.csv", "1,0\n");
        var error = Assert.Throws<DataFormatException>(
            () => DatasetImport.Run(folder["table.csv"], new ImportOptions(), folder["data"], TestContext.Current.CancellationToken));
        Assert.Equal("exists", error.Code);
        Assert.Equal("mine", File.ReadAllText(folder["data/mine"]));
        Directory.CreateDirectory(folder["empty"]);
        DatasetImport.Run(folder["table.csv"], new ImportOptions(), folder["empty"] + "/", TestContext.Current.CancellationToken);
        Assert.True(File.Exists(folder["empty/manifest.json"]));
    }

    [Fact]
    public void A_cancelled_import_leaves_nothing_behind()
    {
        using var cancel = new CancellationTokenSource();
        folder.Write("table.csv", string.Concat(Enumerable.Range(0, 100).Select(row => $"{row},{row % 2}\n")));
        var progress = new SyncProgress(_ => cancel.Cancel());
        Assert.ThrowsAny<OperationCanceledException>(
            () => DatasetImport.Run(folder["table.csv"], new ImportOptions { RowsPerChunk = 10 }, folder["data"], cancel.Token, progress));
        Assert.Equal([folder["table.csv"]], Directory.GetFileSystemEntries(folder.Root));
    }

    private static byte[] Gzip(string text)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Fastest))
        {
            gzip.Write(System.Text.Encoding.UTF8.GetBytes(text));
        }

        return memory.ToArray();
    }

    private DatasetManifest Import(string csv, ImportOptions? options = null, IProgress<long>? progress = null) =>
        DatasetImport.Run(
            folder.Write("table.csv", csv),
            options ?? new ImportOptions(),
            folder["data"],
            TestContext.Current.CancellationToken,
            progress);

    /// <summary>The only chunk; its mapping lives as long as the test.</summary>
    private SafetensorsFile Chunk(DatasetManifest manifest) =>
        SafetensorsFile.Open(Dataset.ChunkPath(folder["data"], manifest.Chunks.Single().Sha256));

    private void Refuse(string csv, ImportOptions options, string code, string place)
    {
        folder.Write("table.csv", csv);
        RefuseFile("table.csv", options, code, place);
    }

    private void RefuseFile(string name, ImportOptions options, string code, string place)
    {
        var before = Directory.GetFileSystemEntries(folder.Root);
        var error = Assert.Throws<DataFormatException>(
            () => DatasetImport.Run(folder[name], options, folder["data"], TestContext.Current.CancellationToken));
        Assert.Equal(code, error.Code);
        Assert.Contains(place, error.Problem, StringComparison.Ordinal);
        Assert.Contains(folder.Root, error.Problem, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal(before, Directory.GetFileSystemEntries(folder.Root));
    }

    private sealed class SyncProgress(Action<long> action) : IProgress<long>
    {
        public void Report(long value) => action(value);
    }
}
