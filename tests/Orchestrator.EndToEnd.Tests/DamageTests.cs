using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Bytes that changed behind the product's back, and disks that are full.</summary>
public sealed class DamageTests : ClusterTest
{
    private const string Run = "name: short\nworkload: image-classifier\ndataset: mine\nmodel: { architecture: mlp, hidden: 8 }\ntraining: { epochs: 1, batch_size: 256 }\n";

    [Fact(Timeout = 240_000)]
    public async Task A_damaged_chunk_is_found_before_it_is_trained_on_and_mended_by_adding_it_again()
    {
        var cluster = await UpAsync("--workers", "1");
        var file = cluster.Write("short.yaml", Run);
        await cluster.Orch.RunAsync("dataset", "add", "mine", Product.Sample("digits.csv.gz"), "--image-size", "8");
        var chunk = Path.Combine(cluster.Data, "datasets", "chunks", (await cluster.Orch.JsonAsync("dataset", "show", "mine")).Json().Items("chunks").Single().Text("sha256"));
        var bytes = await File.ReadAllBytesAsync(chunk, TestContext.Current.CancellationToken);

        await RefusedWithAsync(cluster, file, chunk, [.. bytes[..^1], (byte)(bytes[^1] ^ 1)]);
        await RefusedWithAsync(cluster, file, chunk, bytes[..1000]);

        (await cluster.Orch.RunAsync("dataset", "add", "mine", Product.Sample("digits.csv.gz"), "--image-size", "8")).Succeeded();
        Assert.Equal(bytes, await File.ReadAllBytesAsync(chunk, TestContext.Current.CancellationToken));
        Assert.Equal("succeeded", (await cluster.EndOfRunAsync(await cluster.SubmitRunAsync(file))).Text("state"));

        await FullDiskAsync(cluster);
    }

    private static async Task RefusedWithAsync(Cluster cluster, string file, string chunk, byte[] bytes)
    {
        await File.WriteAllBytesAsync(chunk, bytes, TestContext.Current.CancellationToken);
        var run = await cluster.EndOfRunAsync(await cluster.SubmitRunAsync(file));
        Assert.Equal(("failed", 0), (run.Text("state"), run.Number("step")));
        Assert.Contains(Path.GetFileName(chunk), run.Text("message"), StringComparison.Ordinal);
        Assert.Contains("add the dataset again", run.Text("message"), StringComparison.Ordinal);
        Assert.All(run.Items("failures"), failure => Assert.Equal("corrupt", failure.Text("kind")));
    }

    /// <summary>A fetch to a file system of a few pages, which only the command sees.</summary>
    private static async Task FullDiskAsync(Cluster cluster)
    {
        var checkpoint = Assert.Single(await cluster.ListAsync("checkpoint", "list")).Text("id");
        var disk = Directory.CreateDirectory(cluster["disk"]).FullName;
        var outcome = await cluster.Orch.RunOnSmallDiskAsync(disk, "12k", "checkpoint", "fetch", checkpoint, "-o", Path.Combine(disk, "best"));

        // What the small disk still holds would stand on stdout.
        outcome.Refused(2, Path.Combine(disk, "best"), "No space left", "free some space");
    }
}
