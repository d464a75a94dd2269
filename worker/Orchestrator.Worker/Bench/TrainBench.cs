using System.Globalization;
using System.Text.Json.Nodes;
using Orchestrator.Data.Importing;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.Worker.Bench.Parts;

namespace Orchestrator.Worker.Bench;

/// <summary>
/// Samples per second of one and two ranks, against the loop that a user would write with TorchSharp alone: the same network, data, optimizer and batch, one thread. With our pins it says what
/// the engine costs, without them what the promise costs. Two ranks are held against two of either kind side by side, which exchange nothing, and, where PyTorch is
/// installed, one and two against its own loop and DDP.
/// </summary>
internal static class TrainBench
{
    private const double TurnSeconds = 0.5;

    public static async Task<BenchReport> RunAsync(int rounds, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("orch-bench-").FullName;
        try
        {
            var dataset = Path.Combine(folder, "dataset");
            SyntheticImages.WriteIdx(Path.Combine(folder, "source"));
            DatasetImport.Run(Path.Combine(folder, "source"), new ImportOptions(), dataset, cancellationToken);
            var rows = new List<BenchRow>();
            var remarks = new List<string>();
            foreach (var (name, model) in BenchSpecs.Models)
            {
                var (measured, said) = await MeasureAsync(name, JsonNode.Parse(model)!.AsObject(), dataset, Path.Combine(folder, "output"), rounds, cancellationToken);
                rows.AddRange(measured);
                remarks.AddRange(said);
            }

            return new BenchReport("train", rows, remarks);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<(IReadOnlyList<BenchRow> Rows, IReadOnlyList<string> Remarks)> MeasureAsync(string name, JsonObject model, string dataset, string output, int rounds, CancellationToken cancellationToken)
    {
        PartOrder Order(PartKind kind, RunSpec spec) => new(kind, spec.ToJson(), dataset, Path.Combine(output, Guid.NewGuid().ToString("N")), spec.Training.Workers.Max);
        Task<Gang> Ours(int shards, int workers, string hardware = TrainingSpec.PinnedHardware)
        {
            var spec = BenchSpecs.Of(model, shards, workers, hardware);
            return Gang.StartAsync(Order(PartKind.Trainer, spec), BenchSpecs.Environment(spec), cancellationToken);
        }

        Task<PyTorchPeer?> PyTorch(int worldSize) => PyTorchPeer.TryStartAsync(
            "pytorch_train.py", worldSize, [BenchSpecs.Batch.ToString(CultureInfo.InvariantCulture), model.ToJsonString()], cancellationToken);

        // A user's loop pins nothing; one thread is what it is given.
        var plain = new Dictionary<string, string>(StringComparer.Ordinal) { ["OMP_NUM_THREADS"] = "1" };
        var alone = Order(PartKind.PlainLoop, BenchSpecs.Of(model, 1, 1));
        await using var one = await Ours(shards: 1, workers: 1);
        await using var other = await Ours(shards: 1, workers: 1);
        await using var native = await Ours(shards: 1, workers: 1, TrainingSpec.NativeHardware);
        await using var sharded = await Ours(shards: 4, workers: 1);
        await using var two = await Ours(shards: 2, workers: 2);
        await using var left = await PartProcess.StartAsync(alone, plain, cancellationToken);
        await using var right = await PartProcess.StartAsync(alone, plain, cancellationToken);
        await using var pinned = await PartProcess.StartAsync(alone, HardwarePins.Environment(new TrainingSpec()), cancellationToken);
        await using var torch = await PyTorch(worldSize: 1);
        await using var distributed = torch is null ? null : await PyTorch(worldSize: 2);

        // Everybody warm, and a turn's length in steps.
        var warm = await left.MeasureAsync("5", cancellationToken);
        await Task.WhenAll(right.MeasureAsync("5", cancellationToken), pinned.MeasureAsync("5", cancellationToken));
        foreach (var gang in new[] { one, other, native, sharded, two })
        {
            await gang.MeasureAsync(5, cancellationToken);
        }

        var steps = Math.Clamp((int)(TurnSeconds / warm * 5), 5, 1000);
        var turn = steps.ToString(CultureInfo.InvariantCulture);
        async Task<double> Gangs(int workers, params Gang[] gangs) =>
            workers * BenchSpecs.Batch * steps / (await Task.WhenAll(gangs.Select(gang => gang.MeasureAsync(steps, cancellationToken)))).Max();
        async Task<double> Loops(params PartProcess[] loops) => loops.Length * BenchSpecs.Batch * steps / await PartProcess.MeasureAsync(loops, turn, cancellationToken);
        List<BenchRow> rows =
        [
            await RowAsync("workers=1 batch=64", () => Gangs(1, one), "plain TorchSharp loop", () => Loops(left)),
            await RowAsync("workers=1 batch=64 same pins", () => Gangs(1, one), "plain loop with our pins", () => Loops(pinned)),
            await RowAsync("workers=1 batch=64 hardware=native", () => Gangs(1, native), "plain TorchSharp loop", () => Loops(left)),
            await RowAsync("workers=1 batch=64 shards=4", () => Gangs(1, sharded), "plain TorchSharp loop", () => Loops(left)),
            await RowAsync("workers=2 batch=64", () => Gangs(2, two), "two workers apart", () => Gangs(2, one, other)),
            await RowAsync("workers=2 batch=64 plain", () => Gangs(2, two), "two plain loops apart", () => Loops(left, right)),
        ];
        if (torch is not null && distributed is not null)
        {
            async Task<double> Torch(PyTorchPeer peer, int workers) => workers * BenchSpecs.Batch * steps / await peer.MeasureAsync(turn, cancellationToken);
            rows.Add(await RowAsync("workers=1 batch=64, PyTorch", () => Gangs(1, one), "PyTorch", () => Torch(torch, 1)));
            rows.Add(await RowAsync("workers=2 batch=64, PyTorch", () => Gangs(2, two), "PyTorch, DDP over Gloo", () => Torch(distributed, 2)));
        }

        var shares = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            shares.Add(await two.ShareInCollectivesAsync(steps, cancellationToken));
        }

        List<string> remarks =
        [
            string.Create(CultureInfo.InvariantCulture, $"{name} workers=2: {Spread.Of(shares).Median:0.0%} of a step in the sum and the check of gradients, without waiting for the other worker"),
            string.Create(CultureInfo.InvariantCulture,
                $"{name} memory at its peak: {one.PeakBytes / 1e6:0} MB with one shard, {sharded.PeakBytes / 1e6:0} MB with four, the plain loop {left.PeakBytes / 1e6:0} MB"),
        ];
        if (torch is null)
        {
            remarks.Add($"PyTorch: {PyTorchPeer.Absent}");
        }

        return (rows, remarks);

        async Task<BenchRow> RowAsync(string @case, Func<Task<double>> ours, string peer, Func<Task<double>> theirs) =>
            BenchRow.Of($"{name} {@case}", "samples/s", peer, await BenchTurns.RunAsync(rounds, ours, theirs));
    }
}
