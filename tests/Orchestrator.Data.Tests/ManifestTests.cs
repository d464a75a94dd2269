using System.Collections.Immutable;
using System.Text;

namespace Orchestrator.Data.Tests;

public sealed class ManifestTests
{
    private const string Canonical =
        """{"version":1,"features":{"image":{"dtype":"u8","shape":[3,8,8],"mean":[0.1,2.5,3],"std":[1,1,0]},"label":{"dtype":"i64","shape":[],"mean":[],"std":[]}},"target":"label","classes":["cat","dög"],"chunks":[{"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","split":"train","rows":100,"bytes":4096},{"sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","split":"test","rows":20,"bytes":999}]}""" + "\n";

    private static readonly DatasetManifest Manifest = new()
    {
        Features = ImmutableSortedDictionary.CreateRange(
            StringComparer.Ordinal,
            [
                KeyValuePair.Create("label", new FeatureSpec(DType.I64, [], [], [])),
                KeyValuePair.Create("image", new FeatureSpec(DType.U8, [3, 8, 8], [0.1, 2.5, 3], [1, 1, 0])),
            ]),
        Classes = ["cat", "dög"],
        Chunks =
        [
            new ChunkSpec(new string('a', 64), SourceSplit.Train, 100, 4096),
            new ChunkSpec(new string('b', 64), SourceSplit.Test, 20, 999),
        ],
    };

    [Fact]
    public void Its_bytes_are_canonical_and_come_back()
    {
        Assert.Equal(Canonical, Encoding.UTF8.GetString(Manifest.ToBytes()));
        Assert.Equal(Canonical, Encoding.UTF8.GetString(DatasetManifest.Parse(Manifest.ToBytes()).ToBytes()));
        Assert.Equal("0de27b003e7a1b94", Manifest.Sha256[..16]);
        Assert.Equal(5095, Manifest.Bytes);
    }

    [Theory]
    [InlineData("\"version\":1", "\"version\":2")]
    [InlineData("\"version\":1,", "")]
    [InlineData("\"version\":1", "\"version\":1,\"name\":\"x\"")]
    [InlineData("\"u8\"", "\"u16\"")]
    [InlineData("[3,8,8]", "[3,0,8]")]
    [InlineData("[3,8,8]", "[2,8,8]")]
    [InlineData("[3,8,8]", "[3,9223372036854775807,8]")]
    [InlineData("[3,8,8]", "[3,1000000,1000000]")]
    [InlineData("\"std\":[1,1,0]", "\"std\":[1,1,-1]")]
    [InlineData("\"std\":[1,1,0]", "\"std\":[1,1]")]
    [InlineData("\"target\":\"label\"", "\"target\":\"price\"")]
    [InlineData("\"target\":\"label\"", "\"target\":null")]
    [InlineData("\"target\":\"label\"", "\"target\":\"image\"")]
    [InlineData("\"cat\"", "1")]
    [InlineData("\"split\":\"train\"", "\"split\":\"dev\"")]
    [InlineData("\"rows\":100", "\"rows\":0")]
    [InlineData("\"rows\":100", "\"rows\":9000000000000000000")]
    [InlineData("\"sha256\":\"aaaa", "\"sha256\":\"/../")]
    [InlineData("\"sha256\":\"aaaa", "\"sha256\":\"AAAA")]
    [InlineData("}\n", "")]
    public void One_that_contradicts_itself_is_refused_in_one_line(string right, string wrong)
    {
        Assert.Contains(right, Canonical, StringComparison.Ordinal);
        var error = Assert.Throws<DataFormatException>(
            () => DatasetManifest.Parse(Encoding.UTF8.GetBytes(Canonical.Replace(right, wrong, StringComparison.Ordinal))));
        Assert.Equal("manifest", error.Code);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Rows_of_the_splits_need_no_labels()
    {
        Assert.Equal((90, 10, 20), Rows(Manifest));
        Assert.Equal((80, 10, 10), Rows(With(SourceSplit.All, 100)));
        Assert.Equal((80, 10, 10), Rows(With(SourceSplit.Train, 100)));
        Assert.Equal((2, 1, 0), Rows(With(SourceSplit.All, 3)));
        Assert.Equal((1437, 180, 180), Rows(With(SourceSplit.All, 1797)));
        Assert.Equal((0, 1, 0), Rows(With(SourceSplit.All, 1)));
        var whole = Manifest with { Chunks = [Chunk(SourceSplit.Train, 10), Chunk(SourceSplit.Validation, 4), Chunk(SourceSplit.Test, 3)] };
        Assert.Equal((10, 4, 3), Rows(whole));

        static DatasetManifest With(SourceSplit split, long rows) => Manifest with { Chunks = [Chunk(split, rows)] };
        static ChunkSpec Chunk(SourceSplit split, long rows) => new(new string('c', 64), split, rows, 100);
        static (long, long, long) Rows(DatasetManifest manifest) =>
            (manifest.Rows(SplitName.Train), manifest.Rows(SplitName.Validation), manifest.Rows(SplitName.Test));
    }
}
