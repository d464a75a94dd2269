using System.IO.Compression;
using System.Security.Cryptography;
using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

public sealed class CheckpointTests(SharedCluster shared) : SharedClusterTest(shared)
{
    [Fact(Timeout = 180_000)]
    public async Task The_best_checkpoint_is_fetched_verified_and_predicts()
    {
        var folder = Cluster["fetched"];
        var fetched = (await Orch.JsonAsync("checkpoint", "fetch", "--best", Shared.Sweep, "-o", folder)).Json();

        Assert.Equal(["id", "path", "weightsHash"], fetched.Names());
        Assert.Equal(Shared.Shown.GetProperty("best").Text("checkpoint"), fetched.Text("id"));
        Assert.Equal(folder, fetched.Text("path"));
        Assert.Equal(["manifest.json", "model.safetensors", "optimizer.safetensors"], Directory.GetFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(HashOf(Path.Combine(folder, "model.safetensors")), fetched.Text("weightsHash"));
        Assert.Equal(fetched.Text("weightsHash"), (await Orch.JsonAsync("checkpoint", "verify", folder)).Json().Text("weightsHash"));

        var csv = Unpacked("digits.csv");
        var rows = File.ReadAllLines(csv);
        var predictions = (await Orch.JsonAsync("predict", "--checkpoint", folder, "--input", csv)).Json().EnumerateArray().ToArray();
        Assert.Equal(rows.Length, predictions.Length);
        Assert.All(predictions, prediction =>
        {
            var probabilities = prediction.GetProperty("probabilities").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetDouble(), StringComparer.Ordinal);
            Assert.Equal(Enumerable.Range(0, 10).Select(digit => $"{digit}"), probabilities.Keys);
            Assert.Equal(1, probabilities.Values.Sum(), 1e-5);
            Assert.Equal(probabilities.Values.Max(), probabilities[prediction.Text("class")]);
        });

        // The training rows are among them: far better than chance, whatever two epochs taught it.
        var right = rows.Zip(predictions).Count(pair => pair.First.EndsWith($",{pair.Second.Text("class")}", StringComparison.Ordinal));
        Assert.True(right > 0.6 * rows.Length, $"{right} of {rows.Length} are right");
    }

    [Fact(Timeout = 180_000)]
    public async Task A_tampered_checkpoint_is_refused()
    {
        var folder = Cluster["tampered"];
        (await Orch.RunAsync("checkpoint", "fetch", "--best", Shared.Sweep, "-o", folder)).Succeeded();
        var model = Path.Combine(folder, "model.safetensors");
        var bytes = await File.ReadAllBytesAsync(model, TestContext.Current.CancellationToken);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(model, bytes, TestContext.Current.CancellationToken);

        (await Orch.RunAsync("checkpoint", "verify", folder)).Refused(2, "model.safetensors", "fetch");
        (await Orch.RunAsync("predict", "--checkpoint", folder, "--input", Unpacked("rows.csv"))).Refused(2, "model.safetensors", "fetch");
        File.Delete(Path.Combine(folder, "manifest.json"));
        (await Orch.RunAsync("checkpoint", "verify", folder)).Refused(2, "manifest.json");
    }

    [Fact(Timeout = 180_000)]
    public async Task A_deleted_checkpoint_is_gone()
    {
        var run = await Cluster.SubmitRunAsync(
            Cluster.Write("short.yaml", "name: short\nworkload: image-classifier\ndataset: digits\nmodel: { architecture: mlp, hidden: 8 }\ntraining: { epochs: 1, batch_size: 256 }\n"));
        Assert.Equal("succeeded", (await Cluster.EndOfRunAsync(run)).Text("state"));
        var id = Assert.Single(await Cluster.ListAsync("checkpoint", "list", "--run", run)).Text("id");
        var files = Path.Combine(Cluster.Data, "artifacts", id);
        Assert.True(Directory.Exists(files));

        (await Orch.RunAsync("checkpoint", "delete", id)).Succeeded();

        Assert.Empty(await Cluster.ListAsync("checkpoint", "list", "--run", run));
        Assert.False(Directory.Exists(files));
        (await Orch.RunAsync("checkpoint", "fetch", id, "-o", Cluster["gone"])).Refused(2, id, "checkpoint list");
        Assert.False(Directory.Exists(Cluster["gone"]));
    }

    /// <summary>The shipped digits, as plain CSV.</summary>
    private string Unpacked(string name)
    {
        using var packed = new GZipStream(File.OpenRead(Product.Sample("digits.csv.gz")), CompressionMode.Decompress);
        using var file = File.Create(Cluster[name]);
        packed.CopyTo(file);
        return Cluster[name];
    }

    private static string HashOf(string file)
    {
        using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
