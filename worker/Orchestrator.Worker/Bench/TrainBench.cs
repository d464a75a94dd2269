using System.Globalization;
using System.Text.Json.Nodes;
using Orchestrator.Data.Importing;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.Worker.Bench.Parts;

namespace Orchestrator.Worker.Bench;

/// <summary>
/// Samples per second of one and two ranks, against the loop that a user would write with TorchSharp alone: the same network, data, optimizer and batch, one thread. Two ranks are held
/// against two such loops side by side, which exchange nothing.
/// </summary>
internal static class TrainBench
{
    private const int Batch = 64;
    private const double TurnSeconds = 0.5;

    private static readonly (string Name, string Model)[] Models =
    [
        ("cnn", """{ "architecture": "cnn", "channels": [32, 64], "hidden": [128] }"""),
        ("mlp", """{ "architecture": "mlp", "hidden": [1024, 1024, 1024, 1024] }"""),
    ];

    public static async Task<BenchReport> RunAsync(int rounds, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("orch-bench-").FullName;
        try
        {
            var dataset = Path.Combine(folder, "dataset");
            SyntheticImages.WriteIdx(Path.Combine(folder, "source"));
            DatasetImport.Run(Path.Combine(folder, "source"), new ImportOptions(), dataset, cancellationToken);
            var rows = new List<BenchRow>();
            foreach (var (name, model) in Models)
            {
                rows.AddRange(await MeasureAsync(name, JsonNode.Parse(model)!.AsObject(), dataset, Path.Combine(folder, "output"), rounds, cancellationToken));
            }

            return new BenchReport("train", rows, []);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<IReadOnlyList<BenchRow>> MeasureAsync(string name, JsonObject model, string dataset, string output, int rounds, CancellationToken cancellationToken)
    {
        PartOrder Order(PartKind kind, int shards, int worldSize) => new(kind, Spec(model, shards, worldSize).ToJson(), dataset, output, worldSize);
        var pinned = HardwarePins.Environment(threads: 1);

        // A user's loop pins nothing; one thread is what it is given.
        var plain = new Dictionary<string, string>(StringComparer.Ordinal) { ["OMP_NUM_THREADS"] = "1" };
        await using var one = await Gang.StartAsync(Order(PartKind.Trainer, 1, 1), pinned, cancellationToken);
        await using var sharded = await Gang.StartAsync(Order(PartKind.Trainer, 4, 1), pinned, cancellationToken);
        await using var two = await Gang.StartAsync(Order(PartKind.Trainer, 2, 2), pinned, cancellationToken);
        await using var left = await PartProcess.StartAsync(Order(PartKind.PlainLoop, 1, 1), plain, cancellationToken);
        await using var right = await PartProcess.StartAsync(Order(PartKind.PlainLoop, 1, 1), plain, cancellationToken);

        // Everybody warm, and a turn's length in steps.
        var warm = await left.MeasureAsync("5", cancellationToken);
        await right.MeasureAsync("5", cancellationToken);
        foreach (var gang in new[] { one, sharded, two })
        {
            await gang.MeasureAsync(5, cancellationToken);
        }

        var steps = Math.Clamp((int)(TurnSeconds / warm * 5), 5, 1000);
        var turn = steps.ToString(CultureInfo.InvariantCulture);
        async Task<double> Ours(Gang gang, int workers) => workers * Batch * steps / await gang.MeasureAsync(steps, cancellationToken);
        async Task<double> Plain(params PartProcess[] loops) => loops.Length * Batch * steps / await PartProcess.MeasureAsync(loops, turn, cancellationToken);
        return
        [
            Row("workers=1 batch=64", "plain TorchSharp loop", await BenchTurns.RunAsync(rounds, () => Ours(one, 1), () => Plain(left))),
            Row("workers=1 batch=64 shards=4", "plain TorchSharp loop", await BenchTurns.RunAsync(rounds, () => Ours(sharded, 1), () => Plain(left))),
            Row("workers=2 batch=64", "two plain loops side by side", await BenchTurns.RunAsync(rounds, () => Ours(two, 2), () => Plain(left, right))),
        ];

        BenchRow Row(string @case, string peer, IReadOnlyList<(double, double)> turns) => BenchRow.Of($"{name} {@case}", "samples/s", peer, turns);
    }

    private static RunSpec Spec(JsonObject model, int shards, int worldSize) => new()
    {
        Name = "bench",
        Workload = "image-classifier",
        Seed = 1,
        Dataset = new DatasetSpec { Name = "synthetic" },
        Model = (JsonObject)model.DeepClone(),
        Training = new TrainingSpec
        {
            Epochs = int.MaxValue,
            BatchSize = Batch * worldSize,
            Shards = shards,
            Workers = new WorkersSpec { Min = worldSize, Max = worldSize },
            Optimizer = new OptimizerSpec { Name = "adam", LearningRate = 1e-3 },
            Checkpoint = new CheckpointSpec { Every = new Every(int.MaxValue, EveryUnit.Epoch) },
        },
    };
}
