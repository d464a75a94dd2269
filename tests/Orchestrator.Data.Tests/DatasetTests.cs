using CsCheck;
using Orchestrator.Data.Augmentation;
using Orchestrator.Data.Importing;

namespace Orchestrator.Data.Tests;

public sealed class DatasetTests : IDisposable
{
    private static readonly SplitName[] Splits = [SplitName.Train, SplitName.Validation, SplitName.Test];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Rows_come_in_any_order_from_any_chunk()
    {
        // Row n is (n, 2n) with label n % 3.
        using var dataset = Table(rows: 100, rowsPerChunk: 7);
        var met = new List<float>();
        foreach (var split in Splits.Select(dataset.Split))
        {
            long[] order = [.. Enumerable.Range(0, (int)split.Rows).Select(row => (long)row).Reverse()];
            var (features, labels) = (new float[2 * order.Length], new long[order.Length]);
            split.Gather<float>("features", order, features);
            split.Gather<long>("label", order, labels);
            for (var row = 0; row < order.Length; row++)
            {
                Assert.Equal(2 * features[2 * row], features[(2 * row) + 1]);
                Assert.Equal((long)features[2 * row] % 3, labels[row]);
                met.Add(features[2 * row]);
            }
        }

        Assert.Equal(Enumerable.Range(0, 100).Select(row => (float)row), met.Order());
    }

    [Fact]
    public void What_is_asked_wrongly_is_refused()
    {
        using var dataset = Table(rows: 20, rowsPerChunk: 7);
        var train = dataset.Split(SplitName.Train);
        Assert.Throws<ArgumentOutOfRangeException>(() => train.Gather<long>("label", [train.Rows], new long[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => train.Gather<long>("label", [-1], new long[1]));
        Assert.Throws<ArgumentException>(() => train.Gather<float>("label", [0], new float[1]));
        Assert.Throws<ArgumentException>(() => train.Gather<long>("price", [0], new long[1]));
        Assert.Throws<ArgumentException>(() => train.Gather<long>("label", [0], new long[2]));
        train.Gather<long>("label", [], []);
    }

    [Fact]
    public void Each_class_gives_its_tenth_whatever_the_seed() =>
        Gen.Select(Gen.Int[0, 60].Array[1, 6], Gen.Long).Sample((sizes, seed) =>
        {
            long[] labels = [.. sizes.SelectMany((size, label) => Enumerable.Repeat((long)label, size))];
            var manifest = ManifestOf(SourceSplit.All, Math.Max(1, labels.Length));
            if (labels.Length == 0)
            {
                return;
            }

            var (train, validation, test) = SplitRule.Of(manifest).Cut(labels.Length, labels, seed);
            Assert.Equal(Enumerable.Range(0, labels.Length).Select(row => (long)row), train.Concat(validation).Concat(test).Order());
            Assert.Equal(
                (manifest.Rows(SplitName.Train), manifest.Rows(SplitName.Validation), manifest.Rows(SplitName.Test)),
                (train.Length, validation.Length, test.Length));
            for (var label = 0; label < sizes.Length; label++)
            {
                Assert.InRange(validation.Count(row => labels[row] == label), (sizes[label] / 10) - 1, (sizes[label] / 10) + 1);
            }
        });

    [Fact]
    public void Other_seeds_choose_other_rows_and_the_same_seed_the_same()
    {
        var rule = SplitRule.Of(ManifestOf(SourceSplit.All, 1000));
        var (_, first, _) = rule.Cut(1000, [], 1);
        Assert.Equal(first, rule.Cut(1000, [], 1).Validation);
        Assert.InRange(first.Intersect(rule.Cut(1000, [], 2).Validation).Count(), 1, 30);
    }

    [Fact]
    public void A_tampered_chunk_is_refused_when_it_is_opened()
    {
        Import("a,0\n1,0\n2,1\n3,1\n", new ImportOptions { Target = "0" });
        var path = Directory.GetFiles(folder["data/chunks"]).Single();
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Equal("tampered", Refused(verify: true));
        File.WriteAllBytes(path, bytes[..^4]);
        Assert.Equal("truncated", Refused(verify: false));
        File.Delete(path);
        Assert.Equal("missing", Refused(verify: false));
        File.WriteAllText(folder["data/manifest.json"], "{}");
        Assert.Equal("manifest", Refused(verify: false));
        File.Delete(folder["data/manifest.json"]);
        Assert.Equal("missing", Refused(verify: false));
    }

    [Fact]
    public void A_chunk_that_is_not_what_the_manifest_says_is_refused_even_with_the_right_hash()
    {
        var manifest = Import("1,0\n2,1\n3,1\n");
        var fewer = manifest with { Classes = ["0"] };
        File.WriteAllBytes(folder["data/manifest.json"], fewer.ToBytes());
        Assert.Equal("label-range", Refused(verify: true));
        var wider = manifest with { Features = manifest.Features.SetItem("features", new FeatureSpec(DType.F32, [2], [0, 0], [1, 1])) };
        File.WriteAllBytes(folder["data/manifest.json"], wider.ToBytes());
        Assert.Equal("schema", Refused(verify: true));
    }

    [Fact]
    public void A_chunk_may_be_a_link_into_a_cache()
    {
        Import("1,0\n2,1\n3,1\n");
        var path = Directory.GetFiles(folder["data/chunks"]).Single();
        File.Move(path, folder["cached"]);
        File.CreateSymbolicLink(path, folder["cached"]);
        using var dataset = Dataset.Open(folder["data"], 0);
        Assert.Equal(2, dataset.Split(SplitName.Train).Rows);
    }

    [Fact]
    public void The_digits_are_what_they_always_were()
    {
        var manifest = DatasetImport.Run(
            Path.Combine(AppContext.BaseDirectory, "digits.csv.gz"),
            new ImportOptions { ImageShape = new ImageShape(1, 8, 8) },
            folder["data"],
            TestContext.Current.CancellationToken);
        Assert.Equal((DType.U8, "1,8,8"), (manifest.Features["image"].DType, string.Join(',', manifest.Features["image"].Shape)));
        Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], manifest.Classes);
        Assert.Equal(Golden.DigitsManifest, manifest.Sha256);
        using var dataset = Dataset.Open(folder["data"], splitSeed: 0);
        Assert.Equal([1437, 180, 180], Splits.Select(split => dataset.Split(split).Rows));
        var label = new long[10];
        dataset.Split(SplitName.Validation).Gather<long>("label", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], label);
        Assert.Equal(Golden.DigitsValidation, label);
    }

    private static DatasetManifest ManifestOf(SourceSplit split, long rows) => new()
    {
        Features = System.Collections.Immutable.ImmutableSortedDictionary<string, FeatureSpec>.Empty,
        Chunks = [new ChunkSpec(new string('a', 64), split, rows, 100)],
    };

    private Dataset Table(int rows, int rowsPerChunk)
    {
        Import(
            string.Concat(Enumerable.Range(0, rows).Select(row => $"{row},{2 * row},{row % 3}\n")),
            new ImportOptions { RowsPerChunk = rowsPerChunk });
        return Dataset.Open(folder["data"], splitSeed: 1);
    }

    private DatasetManifest Import(string csv, ImportOptions? options = null) =>
        DatasetImport.Run(
            folder.Write("table.csv", csv), options ?? new ImportOptions(), folder["data"], TestContext.Current.CancellationToken);

    private string Refused(bool verify) => Assert.Throws<DataFormatException>(() => Dataset.Open(folder["data"], 0, verify).Dispose()).Code;
}
