using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.V1;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Bench.Recovery;

/// <summary><c>orch bench bits</c>: the same files on one, two and four workers, and on two of which each is killed once in its middle; says the hashes, and fails where they differ.</summary>
internal static class BitsBench
{
    private const int Agents = 4;

    // Of 1,437 samples neither batches nor shards come out even. Together they have every optimizer, and what else could depend on how work is cut.
    private static readonly (string Name, string Model, string Training)[] Files =
    [
        ("mlp, adamw, batch norm, dropout, one-cycle", "{ architecture: mlp, hidden: [64, 32], dropout: 0.2, batch_norm: true }", "batch_size: 101, shards: 4, optimizer: { name: adamw, learning_rate: 0.005 }, schedule: one-cycle"),
        ("mlp, adam, moving average, label smoothing, 7 shards", "{ architecture: mlp, hidden: [64], dropout: 0.1 }", "batch_size: 100, shards: 7, optimizer: { name: adam, learning_rate: 0.005 }, ema: 0.99, label_smoothing: 0.1"),
        ("cnn, sgd, batch norm, augmentation, clip by norm", "{ architecture: cnn, channels: [8, 16], hidden: 32, batch_norm: true }", "batch_size: 64, shards: 4, optimizer: { name: sgd, learning_rate: 0.05, momentum: 0.9, nesterov: true }, augment: [horizontal-flip, { shift: 1 }], clip: { norm: 1 }"),
        ("cnn, rmsprop, dropout, clip by value, 5 shards", "{ architecture: cnn, channels: [8, 16], hidden: 32, dropout: 0.2 }", "batch_size: 99, shards: 5, optimizer: { name: rmsprop, learning_rate: 0.001 }, clip: { value: 0.5 }"),
    ];

    public static Command Build(Shell shell) => new Command("bits", "The same files on 1, 2 and 4 workers and over kills: the hashes of their weights, which must be equal")
        .With(Number("--rounds", "how often each is trained", 1, 1, 1000))
        .WithOutput()
        .Does((parsed, cancellation) => RunAsync(shell, parsed, cancellation));

    private static async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var progress = ProgressLine.On(shell, parsed.Json(), "");
        try
        {
            var rows = new List<Row>();
            await using var cluster = await BenchCluster.StartAsync(shell, Agents, spare: true, cancellation);
            for (var round = 0; round < parsed.GetValue<int>("--rounds"); round++)
            {
                foreach (var (name, model, training) in Files)
                {
                    foreach (var workers in new[] { 1, 2, 4 })
                    {
                        progress.Say($"{name}: {workers}");
                        var id = await cluster.SubmitAsync(RunFile(model, training, workers), cancellation);
                        rows.Add(Row.Of(name, Plain.Count(workers, "worker"), await cluster.EndAsync(id, cancellation)));
                    }

                    progress.Say($"{name}: killed");
                    rows.Add(Row.Of(name, "2 workers, each killed once", await KilledAsync(cluster, RunFile(model, training, 2), cancellation)));
                }
            }

            progress.Clear();
            var parted = Files.Select(file => file.Name).Where(name => rows.Where(row => row.Case == name).Select(row => row.WeightsHash).Distinct(StringComparer.Ordinal).Count() != 1).ToArray();
            Print(shell, rows, parsed.Json());
            return parted.Length == 0 && rows.TrueForAll(row => row.StepsLost == 0) ? ExitCode.Done : throw CliException.Failed($"not the same bits, or steps lost: {string.Join("; ", parted)}");
        }
        finally
        {
            progress.Clear();
        }
    }

    /// <summary>Kills rank 0, and once two train again, rank 1.</summary>
    private static async Task<Run> KilledAsync(BenchCluster cluster, string file, CancellationToken cancellation)
    {
        var id = await cluster.SubmitAsync(file, cancellation);
        for (var rank = 0; rank < 2; rank++)
        {
            var run = await cluster.UntilTrainingAsync(id, 2, cancellation);
            Programs.Kill(run.Workers.Single(worker => worker.Rank == rank).Pid);
        }

        return await cluster.EndAsync(id, cancellation);
    }

    private static void Print(Shell shell, IReadOnlyList<Row> rows, bool json)
    {
        if (json)
        {
            shell.Out.WriteLine(JsonSerializer.Serialize(new { name = "bits", rows }, JsonText.Indented));
            return;
        }

        Tables.Print(shell, ["case", "workers", "weights hash", "steps lost", "incidents"], rows.Select(row => (IReadOnlyList<string>)
            [row.Case, row.Workers, row.WeightsHash, Plain.Number(row.StepsLost), Plain.Number(row.Incidents)]));
    }

    /// <summary>Long enough to be killed twice in its middle.</summary>
    private static string RunFile(string model, string training, int workers) => string.Create(CultureInfo.InvariantCulture, $$"""
        name: bits
        workload: image-classifier
        dataset: digits
        seed: 3
        model: {{model}}
        training: { epochs: 60, workers: { min: {{workers}}, max: {{workers}} }, checkpoint: { every: 10 epochs, keep_best: 1, keep_last: 1 }, {{training}} }
        """);

    /// <param name="Workers">How it was trained.</param>
    private sealed record Row(
        [property: JsonPropertyName("case")] string Case,
        [property: JsonPropertyName("workers")] string Workers,
        [property: JsonPropertyName("weightsHash")] string WeightsHash,
        [property: JsonPropertyName("stepsLost")] long StepsLost,
        [property: JsonPropertyName("incidents")] int Incidents)
    {
        public static Row Of(string name, string workers, Run run) => run.State == "succeeded"
            ? new Row(name, workers, run.WeightsHash, run.StepsLost, run.Failures.Count)
            : throw CliException.Failed($"{name} on {workers} is {run.State}: {run.Message}");
    }
}
