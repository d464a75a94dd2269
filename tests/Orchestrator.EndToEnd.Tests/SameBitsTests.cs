using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>The promise, seen from outside: the file and the seed decide the bits, whoever computes them.</summary>
public sealed class SameBitsTests : ClusterTest
{
    private const string Mlp = """
        name: mlp
        workload: image-classifier
        dataset: digits
        seed: 11
        model: { architecture: mlp, hidden: [32, 16], dropout: 0.3, batch_norm: true }
        training:
          epochs: 2
          batch_size: 100
          shards: 3
          optimizer: { name: adamw, learning_rate: 0.01 }
          schedule: one-cycle
        """;

    // 1,437 rows: neither the batches nor their shards come out even.
    private const string Cnn = """
        name: cnn
        workload: image-classifier
        dataset: digits
        seed: 11
        model: { architecture: cnn, channels: [4, 8], hidden: 16, dropout: 0.2, batch_norm: true }
        training:
          epochs: 2
          batch_size: 101
          shards: 4
          optimizer: { name: sgd, learning_rate: 0.05, momentum: 0.9 }
          clip: { norm: 1 }
          augment: [horizontal-flip, { shift: 1 }]
        """;

    [Fact(Timeout = 180_000)]
    public async Task One_two_and_three_workers_and_a_run_without_a_cluster_give_the_same_weights()
    {
        // Three agents of one slot each: every gang crosses processes that know nothing of each other.
        var cluster = await UpAsync("--workers", "3");
        foreach (var file in new[] { cluster.Write("mlp.yaml", Mlp), cluster.Write("cnn.yaml", Cnn) })
        {
            var ids = await Task.WhenAll(Enumerable.Range(1, 3).Select(workers => cluster.SubmitRunAsync(
                file, "--set", $"training.workers.min={workers}", "--set", $"training.workers.max={workers}")));
            var runs = await Task.WhenAll(ids.Select(cluster.EndOfRunAsync));
            var local = (await cluster.Orch.JsonAsync("run", "local", file, "--data-dir", cluster["local"])).Json();

            Assert.All(runs, run => Assert.Equal("succeeded", run.Text("state")));
            Assert.Equal([1, 2, 3], runs.Select(run => run.Number("worldSize")));
            Assert.All(runs, run => Assert.Equal(run.Number("worldSize"), run.Items("workers").Select(worker => worker.Text("id")).Distinct(StringComparer.Ordinal).Count()));
            Assert.All(runs, run => Assert.Equal(1437, run.Number("samplesPerEpoch")));
            Assert.Single(runs.Append(local).Select(run => run.Text("weightsHash")).Distinct(StringComparer.Ordinal));
            Assert.Single(runs.Select(run => run.GetProperty("history").GetRawText()).Distinct(StringComparer.Ordinal));
        }
    }

    [Fact(Timeout = 180_000)]
    public async Task The_bench_of_bits_finds_one_hash_over_every_transport()
    {
        var bench = (await Prepare().Orch.JsonAsync("bench", "bits", "--models", "mlp", "--optimizers", "nesterov", "--workers", "1,3")).Json();

        Assert.Equal(
            ["1 one process", "3 shared memory", "3 tcp", "3 shared memory and tcp, 2 hosts"],
            bench.Items("rows").Select(row => $"{row.Number("workers")} {row.Text("transport").Split(" (")[0]}"));
        Assert.Single(bench.Items("rows").Select(row => row.Text("weightsHash")).Distinct(StringComparer.Ordinal));
        Assert.All(bench.Items("rows"), row => Assert.Equal(20, row.Number("steps")));
    }
}
