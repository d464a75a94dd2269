using System.IO.Compression;
using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Sources that are empty, cut off or not what they should be: refused before anything reaches the coordinator.</summary>
public sealed class BadDatasetTests(SharedCluster shared) : SharedClusterTest(shared)
{
    private const string FashionMnist = "/usr/share/datasets/fashion-mnist";

    [Fact(Timeout = 180_000)]
    public async Task A_bad_csv_is_refused()
    {
        await RefusedAsync(Cluster.Write("empty.csv", ""), "empty.csv", "empty");
        await RefusedAsync(Cluster.Write("header.csv", "a,b\n"), "header.csv", "no rows");
        await RefusedAsync(Cluster.Write("ragged.csv", "1,2,0\n3,4,1\n5,6\n"), "ragged.csv: row 3", "2 fields instead of 3");
        await RefusedAsync(Cluster.Write("text.csv", "1,2,0\n3,x,1\n"), "text.csv: row 2: column 2", "'x' is not a number");
        await RefusedAsync("nowhere.csv", "nowhere.csv", "no such file");
        var cut = Cluster["cut.csv.gz"];
        await File.WriteAllBytesAsync(cut, (await File.ReadAllBytesAsync(Product.Sample("digits.csv.gz"), TestContext.Current.CancellationToken))[..20_000], TestContext.Current.CancellationToken);
        await RefusedAsync(cut, "cut.csv.gz", "cut off");
    }

    [Fact(Timeout = 180_000)]
    public async Task A_bad_idx_folder_is_refused()
    {
        await RefusedAsync(Folder("no-files"), "no-files", "train-images-idx3-ubyte");
        await RefusedAsync(Folder("no-labels", "train-images-idx3-ubyte.gz"), "no-labels", "train-labels-idx1-ubyte is not there");
        var cut = Folder("cut", "train-labels-idx1-ubyte.gz");
        await File.WriteAllBytesAsync(
            Path.Combine(cut, "train-images-idx3-ubyte.gz"), await HeadAsync(Path.Combine(FashionMnist, "train-images-idx3-ubyte.gz"), 100_000), TestContext.Current.CancellationToken);
        await RefusedAsync(cut, "cut/train-images-idx3-ubyte.gz", "cut off");
        var magic = Folder("magic", "train-labels-idx1-ubyte.gz");
        await using (var zeros = new GZipStream(File.Create(Path.Combine(magic, "train-images-idx3-ubyte.gz")), CompressionLevel.Fastest))
        {
            await zeros.WriteAsync(new byte[1024], TestContext.Current.CancellationToken);
        }

        await RefusedAsync(magic, "magic/train-images-idx3-ubyte.gz");
    }

    [Fact(Timeout = 180_000)]
    public async Task A_name_that_can_not_be_had_is_refused()
    {
        (await Orch.RunAsync("dataset", "add", "a/b", Product.Sample("digits.csv.gz"))).Refused(2, "'a/b'", "lower-case letters");
        (await Orch.RunAsync("dataset", "add", "digits", Product.Sample("digits.csv.gz"))).Refused(2, "'digits'", "another name");
        (await Orch.RunAsync("dataset", "delete", "digits")).Refused(2, "'digits'");
        (await Orch.RunAsync("dataset", "add", "mine", Product.Sample("digits.csv.gz"), "--image-size", "9")).Refused(2, "81 values, a row 64");
        (await Orch.RunAsync("dataset", "add", "mine", Product.Sample("digits.csv.gz"), "--target", "nothing")).Refused(2, "no column 'nothing'");
    }

    private string Folder(string name, params string[] files)
    {
        var folder = Directory.CreateDirectory(Cluster[name]).FullName;
        foreach (var file in files)
        {
            File.Copy(Path.Combine(FashionMnist, file), Path.Combine(folder, file), overwrite: true);
        }

        return folder;
    }

    private async Task RefusedAsync(string source, params string[] words)
    {
        (await Orch.RunAsync("dataset", "add", "mine", source)).Refused(2, words);
        Assert.Equal("digits", Assert.Single(await Cluster.ListAsync("dataset", "list")).Text("name"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Orch.Temporary, "orch-*"));
    }

    private static async Task<byte[]> HeadAsync(string file, int length)
    {
        await using var stream = File.OpenRead(file);
        var head = new byte[length];
        await stream.ReadExactlyAsync(head, TestContext.Current.CancellationToken);
        return head;
    }
}
