using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Mistakes in files: refused when they are submitted, with their place and the mend, and nothing is begun.</summary>
public sealed class BadFileTests(SharedCluster shared) : SharedClusterTest(shared)
{
    /// <summary>What is replaced in samples/digits.yaml, by what, and the words of the refusal: its line and field, and the mend.</summary>
    public static TheoryData<string, string, string[]> Mistakes() => new()
    {
        { "seed: 7", "seed: [7", ["bad.yaml:4:7", "not valid YAML", "not closed"] },
        { "batch_size: 64", "batchsize: 64", ["bad.yaml:8:", "training.batchsize", "did you mean batch_size?"] },
        { "seed: 7", "seed: 7\nseed: 8", ["bad.yaml:5:1", "seed", "given twice, first in line 4"] },
        { "epochs: 30", "epochs: many", ["bad.yaml:7:", "training.epochs", "whole number", "'many'"] },
        { "epochs: 30", "epochs: 0", ["bad.yaml:7:", "training.epochs", "at least 1"] },
        { "$momentum", "$momentun", ["bad.yaml:11:", "training.optimizer.momentum", "did you mean momentum?"] },
        { "[1e-3, 3e-2]", "[3e-2, 1e-3]", ["bad.yaml:20:", "parameters.lr", "is not below"] },
        { "[sgd, adamw]", "[]", ["bad.yaml:21:", "parameters.optimizer.choice", "empty list"] },
        { "shards: 4", "shards: 65", ["bad.yaml:9:", "training.shards", "64 samples", "fewer shards"] },
        { "min: 1, max: 2", "min: 5, max: 5", ["bad.yaml:10:", "training.workers", "4 shards"] },
        { "image-classifier", "image-clasifier", ["bad.yaml:2:", "workload", "did you mean image-classifier?"] },
        { "dataset: digits", "dataset: digit", ["bad.yaml:3:", "dataset", "did you mean 'digits'?"] },
        { "sampler: random", "sampler: randon", ["bad.yaml:15:", "search.sampler", "did you mean random?"] },
        { "val_accuracy", "val_acuracy", ["bad.yaml:18:", "search.objective.metric", "did you mean val_accuracy?"] },
        { "architecture: mlp, hidden: $hidden", "architecture: cnn, channels: [8, 8, 8, 8, 8], hidden: $hidden", ["bad.yaml:", "model.channels"] },
        { "seed: 7", "seed: 7\nlabels: { a: &a [x, x], b: *a }", ["bad.yaml:5:", "anchors and aliases"] },
    };

    [Theory(Timeout = 180_000)]
    [MemberData(nameof(Mistakes))]
    public async Task A_mistake_is_told_in_one_line_with_its_place(string right, string wrong, string[] words)
    {
        var text = await File.ReadAllTextAsync(Product.Sample("digits.yaml"), TestContext.Current.CancellationToken);
        Assert.Contains(right, text, StringComparison.Ordinal);
        Cluster.Write("bad.yaml", text.Replace(right, wrong, StringComparison.Ordinal));

        var before = await SweepsAsync();

        (await Orch.RunAsync("sweep", "submit", "bad.yaml")).Refused(2, words);

        Assert.Equal(before, await SweepsAsync());
    }

    [Fact(Timeout = 180_000)]
    public async Task What_is_no_sweep_file_is_refused()
    {
        (await Orch.RunAsync("sweep", "submit", "nowhere.yaml")).Refused(2, "nowhere.yaml", "no such file");
        (await Orch.RunAsync("sweep", "submit", Cluster.Write("empty.yaml", ""))).Refused(2, "empty.yaml", "empty");
        (await Orch.RunAsync("sweep", "submit", Cluster.Write("giant.yaml", new string('#', (1 << 20) + 1)))).Refused(2, "giant.yaml", "at most 1048576");
        (await Orch.RunAsync("sweep", "submit", Cluster.Write("deep.yaml", new string('[', 100_000)))).Refused(2, "deep.yaml:1:", "deep");
        (await Orch.RunAsync("run", "submit", Product.Sample("digits.yaml"))).Refused(2, "digits.yaml:15:", "search", "orch sweep submit");
        (await Orch.RunAsync("sweep", "submit", Product.Sample("digits.yaml"), "--set", "training.epoch=3")).Refused(2, "--set", "training.epoch", "did you mean epochs?");
        (await Orch.RunAsync("sweep", "submit", Product.Sample("digits.yaml"), "--set", "training")).Refused(2, "--set training", "PATH=VALUE");
        (await Orch.RunAsync("run", "submit", Cluster.Write("package.yaml", "name: mine\npackage: ./My.dll\ndataset: digits\n"))).Refused(2, "package.yaml:2:", Cluster["My.dll"], "no such file");
        (await Orch.RunAsync("run", "local", Cluster.Write("local.yaml", "name: local\nworkload: image-classifier\ndataset: digit\n"), "--data-dir", Cluster["nothing"])).Refused(2, "digit");
        Assert.False(Directory.Exists(Cluster["nothing"]));
    }

    private async Task<string[]> SweepsAsync() => [.. (await Cluster.ListAsync("sweep", "list")).Select(sweep => sweep.Text("id"))];
}
