using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>A checkpoint's run is made again from its manifest.</summary>
public sealed class ReplayTests(SharedCluster shared) : SharedClusterTest(shared)
{
    [Fact(Timeout = 240_000)]
    public async Task A_trial_trained_by_a_gang_is_made_again_bit_by_bit_and_changes_are_found_out()
    {
        var folder = Cluster["replayed"];
        (await Orch.RunAsync("checkpoint", "fetch", "--best", Shared.Sweep, "-o", folder)).Succeeded();
        var id = Shared.Shown.GetProperty("best").Text("checkpoint");

        var same = await Orch.RunAsync("run", "replay", id);
        same.Succeeded();
        Assert.Contains("the bits agree", same.Output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(Orch.Temporary, "orch-*"));

        // A weight that somebody has changed, with the hashes to it.
        var model = Path.Combine(folder, "model.safetensors");
        var bytes = await File.ReadAllBytesAsync(model, TestContext.Current.CancellationToken);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(model, bytes, TestContext.Current.CancellationToken);
        Sign(folder, model);
        var changed = await Orch.RunAsync("run", "replay", folder);
        Assert.Equal(1, changed.ExitCode);
        Assert.Contains("no step's loss or gradient differs", changed.Output, StringComparison.Ordinal);
        Assert.Contains("1 tensors differ in all", changed.Output, StringComparison.Ordinal);

        // A file that says another learning rate parts from the first update on: the second step sees it.
        Change(folder, manifest => manifest["spec"]!["training"]!["optimizer"]!["learning_rate"] = 0.5);
        var other = await Orch.JsonAsync("run", "replay", folder);
        Assert.Equal(1, other.ExitCode);
        Assert.Equal((2, 2), ((int)other.JsonLines()[0].GetProperty("partedAt").Number("first"), (int)other.JsonLines()[0].GetProperty("partedAt").Number("last")));

        // Of another dataset nothing is made again.
        Change(folder, manifest => manifest["dataset_sha256"] = new string('0', 64));
        (await Orch.RunAsync("run", "replay", folder)).Refused(2, "dataset digits", "is not what", "--dataset-dir");
    }

    private static void Sign(string folder, string model) => Change(
        folder, manifest => manifest["files"]!["model.safetensors"]!["sha256"] = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(model))));

    private static void Change(string folder, Action<JsonNode> change)
    {
        var file = Path.Combine(folder, "manifest.json");
        var manifest = JsonNode.Parse(File.ReadAllText(file))!;
        change(manifest);
        File.WriteAllText(file, manifest.ToJsonString());
    }
}
