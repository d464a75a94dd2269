using System.Globalization;
using System.Text.Json.Nodes;
using Orchestrator.Data;
using Orchestrator.Data.Importing;
using Orchestrator.Worker.Bench.Parts;

namespace Orchestrator.Worker.Bench;

/// <summary>What a checkpoint costs the training beside which it is written: an epoch with one at its end, against an epoch without, in turns. Evaluation is not timed.</summary>
internal static class CheckpointBench
{
    /// <summary>A third of Fashion-MNIST's: in a real epoch the same cost is spread over more steps.</summary>
    private const int Rows = 20_000;

    public static async Task<BenchReport> RunAsync(int rounds, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("orch-bench-").FullName;
        try
        {
            var dataset = Path.Combine(folder, "dataset");
            SyntheticImages.WriteIdx(Path.Combine(folder, "source"), Rows);
            DatasetImport.Run(Path.Combine(folder, "source"), new ImportOptions(), dataset, cancellationToken);
            var rows = new List<BenchRow>();
            var remarks = new List<string>();
            foreach (var (name, model) in BenchSpecs.Models)
            {
                var (row, remark) = await MeasureAsync(name, JsonNode.Parse(model)!.AsObject(), dataset, folder, rounds, cancellationToken);
                rows.Add(row);
                remarks.Add(remark);
            }

            return new BenchReport("checkpoint", rows, remarks);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<(BenchRow Row, string Remark)> MeasureAsync(string name, JsonObject model, string dataset, string folder, int rounds, CancellationToken cancellationToken)
    {
        int steps;
        using (var opened = Dataset.Open(dataset, splitSeed: 0, verify: false))
        {
            steps = checked((int)((opened.Split(SplitName.Train).Rows + BenchSpecs.Batch - 1) / BenchSpecs.Batch));
        }

        var output = Path.Combine(folder, name);
        Task<Gang> Start(string side, int checkpointEvery)
        {
            var spec = BenchSpecs.Of(model, shards: 1, worldSize: 1, checkpointEvery: checkpointEvery);
            var own = Directory.CreateDirectory(Path.Combine(output, side)).FullName;
            return Gang.StartAsync(new PartOrder(PartKind.Trainer, spec.ToJson(), dataset, own), BenchSpecs.Environment(spec), cancellationToken);
        }

        await using var with = await Start("with", 1);
        await using var without = await Start("without", int.MaxValue);
        foreach (var gang in new[] { with, without })
        {
            await gang.MeasureAsync(5, cancellationToken);
        }

        // As many steps as an epoch has: one end of an epoch is among them, wherever they begin.
        async Task<double> Rate(Gang gang) => BenchSpecs.Batch * steps / await gang.MeasureAsync(steps, cancellationToken);
        var turns = await BenchTurns.RunAsync(rounds, () => Rate(with), () => Rate(without));
        var written = WrittenCheckpoint.Read(Path.Combine(output, "with"));
        var (bytes, lost) = (written[0].Bytes, Spread.Of(turns.Select(turn => (BenchSpecs.Batch * steps / turn.Ours) - (BenchSpecs.Batch * steps / turn.Peer))).Median);
        return (
            BenchRow.Of($"{name} checkpoint every epoch of {steps} steps", "samples/s", "without checkpoints", turns),
            string.Create(CultureInfo.InvariantCulture,
                $"{name}: {lost * 1000:0.0} ms of training lost to a checkpoint of {bytes / 1e6:0.0} MB, which is written beside it at {bytes / 1e6 / Spread.Of(written.Select(one => one.Seconds)).Median:0} MB/s"));
    }
}
