using System.Buffers.Binary;
using System.Text;
using CsCheck;
using Orchestrator.Data.Formats;

namespace Orchestrator.Data.Tests;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_bytes_of_a_file_are_canonical()
    {
        const string Header =
            """{"__metadata__":{"a":"1","b":"é"},"bytes":{"dtype":"U8","shape":[3],"data_offsets":[20,23]},"label":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[3,1],"data_offsets":[8,20]}}""";
        var padded = Header + new string(' ', (8 - (Encoding.UTF8.GetByteCount(Header) % 8)) % 8);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, Encoding.UTF8.GetByteCount(padded));
        byte[] expected =
            [.. length, .. Encoding.UTF8.GetBytes(padded), 42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 1, 2, 3];
        var hash = Write(folder["a"], Entries(), new Dictionary<string, string> { ["b"] = "é", ["a"] = "1" }, fsync: true);
        Assert.Equal(expected, File.ReadAllBytes(folder["a"]));
        Assert.Equal(SafetensorsFile.Sha256(folder["a"]), hash);
        Assert.Equal(hash, SafetensorsWriter.Hash(Entries().Reverse(), new Dictionary<string, string> { ["a"] = "1", ["b"] = "é" }));
    }

    [Fact]
    public void What_is_written_is_read()
    {
        Write(folder["a"], Entries(), new Dictionary<string, string> { ["epoch"] = "3" });
        using var file = SafetensorsFile.Open(folder["a"]);
        Assert.Equal([1f, 2f, 3f], file.Span<float>("w"));
        Assert.Equal([42L], file.Span<long>("label"));
        Assert.Equal([2, 3], file.Bytes("bytes", 1, 2).ToArray());
        Assert.Equal([3L, 1L], file.Tensors["w"].Shape);
        Assert.Equal("3", file.Metadata["epoch"]);
        Assert.Equal(0, file.DataOffset % 8);
        Assert.Equal("dtype", Assert.Throws<DataFormatException>(() => file.Span<double>("w")).Code);
        Assert.Equal("missing-tensor", Assert.Throws<DataFormatException>(() => file.Bytes("v")).Code);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Bytes("bytes", 2, 2));
        Assert.Equal(SafetensorsFile.Sha256(folder["a"]), Write(folder["b"], file.Entries(), file.Metadata));
    }

    [Fact]
    public void Any_tensors_come_back_as_they_were() =>
        Gen.Select(Gen.String[Gen.Char.AlphaNumeric, 1, 8], Gen.Double.Array[0, 20]).Array[0, 10].Sample(
            tensors =>
            {
                var named = tensors.DistinctBy(tensor => tensor.Item1).ToArray();
                var path = folder[Path.GetRandomFileName()];
                Write(path, named.Select(tensor => TensorEntry.Of<double>(tensor.Item1, [tensor.Item2.Length], tensor.Item2)));
                using var file = SafetensorsFile.Open(path);
                foreach (var (name, values) in named)
                {
                    Assert.Equal(values, file.Span<double>(name).ToArray());
                }
            },
            iter: 50,
            threads: 1);

    [Fact]
    public void A_tensor_may_come_in_pieces_and_a_wrong_length_is_noticed()
    {
        byte[] whole = [1, 2, 3, 4, 5];
        var inPieces = new TensorEntry("a", DType.U8, [5], offset => whole.AsSpan((int)offset, 1));
        Assert.Equal(SafetensorsWriter.Hash([TensorEntry.Of<byte>("a", [5], whole)]), SafetensorsWriter.Hash([inPieces]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Hash([TensorEntry.Of<byte>("a", [4], whole)]));
        Assert.ThrowsAny<ArgumentException>(() => SafetensorsWriter.Hash([TensorEntry.Of<byte>("a", [6], whole)]));
        Assert.Throws<ArgumentException>(
            () => SafetensorsWriter.Hash([TensorEntry.Of<byte>("a", [5], whole), TensorEntry.Of<byte>("a", [5], whole)]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Hash([TensorEntry.Of<byte>("__metadata__", [5], whole)]));
    }

    [Fact]
    public void A_file_that_is_there_is_not_overwritten()
    {
        folder.Write("a", "mine");
        Assert.Throws<IOException>(() => Write(folder["a"], Entries()));
        Assert.Equal("mine", File.ReadAllText(folder["a"]));
    }

    [Theory]
    [InlineData("not json", "header")]
    [InlineData("[]", "header")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}} {}""", "header")]
    [InlineData("""{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}""", "header")]
    [InlineData("""{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}""", "header")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}""", "header")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,3]}}""", "header")]
    [InlineData("""{"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,4]}}""", "header")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"more":1}}""", "header")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4]}}""", "header")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}""", "header")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"__metadata__":{}}""", "header")]
    [InlineData("""{"__metadata__":{"a":1},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "header")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,4],"data_offsets":[0,4]}}""", "header")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""", "overlap")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""", "overlap")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", "overlap")]
    [InlineData("""{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}}""", "truncated")]
    [InlineData("""{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}""", "truncated")]
    public void A_hostile_header_is_refused(string header, string code)
    {
        var error = Assert.Throws<DataFormatException>(() => SafetensorsFile.Open(Craft((ulong)header.Length, header, 4)));
        Assert.Equal(code, error.Code);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 63)]
    [InlineData(100UL << 20)]
    [InlineData(3UL)]
    public void A_header_longer_than_the_file_is_refused(ulong claimed) =>
        Assert.Equal("header", Assert.Throws<DataFormatException>(() => SafetensorsFile.Open(Craft(claimed, "{}", 0))).Code);

    [Fact]
    public void A_file_cut_off_anywhere_is_refused()
    {
        Write(folder["a"], Entries());
        var whole = File.ReadAllBytes(folder["a"]);
        for (var length = 0; length < whole.Length; length++)
        {
            folder.Write("cut", whole[..length]);
            Assert.Throws<DataFormatException>(() => SafetensorsFile.Open(folder["cut"]).Dispose());
        }
    }

    [Fact]
    public void A_file_with_a_wrong_byte_opens_or_is_refused_and_nothing_else()
    {
        Write(folder["a"], Entries());
        var whole = File.ReadAllBytes(folder["a"]);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte).Sample(
            (index, value) =>
            {
                var changed = whole.ToArray();
                changed[index] = value;
                folder.Write("changed", changed);
                try
                {
                    using var file = SafetensorsFile.Open(folder["changed"]);
                    Assert.All(file.Tensors.Keys, name => file.Bytes(name).ToArray());
                }
                catch (DataFormatException)
                {
                    // The one way to refuse.
                }
            },
            iter: 2000,
            threads: 1);
    }

    private static string Write(
        string path, IEnumerable<TensorEntry> tensors, IReadOnlyDictionary<string, string>? metadata = null, bool fsync = false) =>
        SafetensorsWriter.Write(path, tensors, metadata, fsync, TestContext.Current.CancellationToken);

    private static IEnumerable<TensorEntry> Entries() =>
    [
        TensorEntry.Of<float>("w", [3, 1], new float[] { 1, 2, 3 }),
        TensorEntry.Of<byte>("bytes", [3], new byte[] { 1, 2, 3 }),
        TensorEntry.Of<long>("label", [], new long[] { 42 }),
    ];

    private string Craft(ulong claimed, string header, int data)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, claimed);
        return folder.Write("crafted", [.. length, .. Encoding.UTF8.GetBytes(header), .. new byte[data]]);
    }
}
