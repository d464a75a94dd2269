using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

public sealed class DatasetTests(SharedCluster shared) : SharedClusterTest(shared)
{
    [Fact(Timeout = 180_000)]
    public async Task A_csv_is_added_shown_trained_on_and_deleted()
    {
        var added = (await Orch.JsonAsync("dataset", "add", "my-digits", Product.Sample("digits.csv.gz"), "--image-size", "8")).Json();
        Assert.Equal((1437, 180, 180), (added.GetProperty("rows").Number("train"), added.GetProperty("rows").Number("validation"), added.GetProperty("rows").Number("test")));

        // The same rows are the same dataset, whatever it is called.
        var shown = (await Orch.JsonAsync("dataset", "show", "my-digits")).Json();
        Assert.Equal((await Orch.JsonAsync("dataset", "show", "digits")).Json().GetProperty("chunks").GetRawText(), shown.GetProperty("chunks").GetRawText());
        Assert.Equal(["digits", "my-digits"], (await Cluster.ListAsync("dataset", "list")).Select(dataset => dataset.Text("name")));

        (await Orch.RunAsync("dataset", "delete", "my-digits")).Succeeded();
        Assert.Equal(["digits"], (await Cluster.ListAsync("dataset", "list")).Select(dataset => dataset.Text("name")));
        (await Orch.RunAsync("dataset", "show", "my-digits")).Refused(2, "my-digits");
    }

    [Fact(Timeout = 240_000)]
    public async Task Fashion_mnist_is_added_from_its_package_and_trained_on()
    {
        var added = (await Orch.JsonAsync("dataset", "add", "fashion-mnist", "/usr/share/datasets/fashion-mnist")).Json();
        var rows = added.GetProperty("rows");
        Assert.Equal((60_000, 10_000), (rows.Number("train") + rows.Number("validation"), rows.Number("test")));
        Assert.Equal(10, added.Items("classes").Length);

        // An epoch of a small network: enough to learn something real of it.
        var run = await Cluster.EndOfRunAsync(await Cluster.SubmitRunAsync(Cluster.Write("fashion.yaml", """
            name: fashion
            workload: image-classifier
            dataset: fashion-mnist
            seed: 1
            model: { architecture: mlp, hidden: 32 }
            training: { epochs: 1, batch_size: 256, shards: 2, workers: { min: 2, max: 2 }, optimizer: { name: adamw, learning_rate: 0.003 } }
            """)));
        Assert.Equal("succeeded", run.Text("state"));
        Assert.Equal(rows.Number("train"), run.Number("samplesPerEpoch"));
        Assert.True(run.GetProperty("metrics").GetProperty("val_accuracy").GetDouble() > 0.75, $"{run.GetProperty("metrics")}");
        (await Orch.RunAsync("run", "delete", run.Text("id"))).Succeeded();
        (await Orch.RunAsync("dataset", "delete", "fashion-mnist")).Succeeded();
    }
}
