using System.Globalization;
using System.Text.Json.Nodes;
using Orchestrator.Data.Importing;
using Orchestrator.Specs;
using Orchestrator.Worker.Bench.Parts;

namespace Orchestrator.Worker.Bench;

/// <summary>
/// Steps of two workers whose gradients travel while backward runs, against the same two where they travel afterwards: over a slow link, where what can be saved at most is the shorter of backward and
/// transfer; and over TCP on loopback, where the cores that compute copy the bytes, too, and nothing should be lost.
/// </summary>
internal static class OverlapBench
{
    private const int Megabits = 100;

    /// <summary>With the samples of each worker over the slow link: so many that backward is not lost beside the transfer.</summary>
    private static readonly (string Name, string Model, int Batch)[] Models =
    [
        ("cnn", """{ "architecture": "cnn", "channels": [32, 64], "hidden": [128] }""", 512),
        ("mlp", """{ "architecture": "mlp", "hidden": [512, 512, 512, 512] }""", 1024),
    ];

    public static async Task<BenchReport> RunAsync(int rounds, CancellationToken cancellationToken)
    {
        var (made, obstacle) = await SlowLink.TryCreateAsync(Megabits, cancellationToken);
        await using var link = made;
        var folder = Directory.CreateTempSubdirectory("orch-bench-").FullName;
        try
        {
            var dataset = Path.Combine(folder, "dataset");
            SyntheticImages.WriteIdx(Path.Combine(folder, "source"));
            DatasetImport.Run(Path.Combine(folder, "source"), new ImportOptions(), dataset, cancellationToken);
            var rows = new List<BenchRow>();
            List<string> remarks = link is null ? [$"no slow link: it takes root, ip and tc ({obstacle})"] : [];
            foreach (var (name, model, batch) in Models)
            {
                PartOrder Order(int samples) => new(
                    PartKind.Trainer, BenchSpecs.Of(JsonNode.Parse(model)!.AsObject(), shards: 2, worldSize: 2, batch: samples).ToJson(), dataset, Path.Combine(folder, "output"), WorldSize: 2, Transport: PartTransport.Tcp);
                if (link is not null)
                {
                    await MeasureAsync($"{name} workers=2 batch={batch}", string.Create(CultureInfo.InvariantCulture, $"{Megabits} Mbit/s"), Order(batch), link, steps: 3);
                }

                await MeasureAsync($"{name} workers=2 batch={BenchSpecs.Batch}", "loopback", Order(BenchSpecs.Batch), null, steps: 20);
            }

            return new BenchReport("overlap", rows, remarks);

            async Task MeasureAsync(string name, string way, PartOrder order, SlowLink? over, int steps)
            {
                var (row, remark) = await CaseAsync($"{name} {way}", order, over, steps, rounds, cancellationToken);
                rows.Add(row);
                remarks.Add(remark);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<(BenchRow Row, string Remark)> CaseAsync(string name, PartOrder order, SlowLink? link, int steps, int rounds, CancellationToken cancellationToken)
    {
        var environment = BenchSpecs.Environment(RunSpec.FromJson(order.Spec));
        await using var during = await Gang.StartAsync(order, environment, cancellationToken, link);
        await using var after = await Gang.StartAsync(order with { Overlap = false }, environment, cancellationToken, link);
        var parts = new List<(double Turn, double Backward, double Transfer)>();
        var turns = await BenchTurns.RunAsync(
            rounds,
            async () => steps / await during.MeasureAsync(steps, cancellationToken),
            async () =>
            {
                parts.Add(await after.MeasurePartsAsync(steps, cancellationToken));
                return steps / parts[^1].Turn;
            });
        var (backward, transfer) = (Spread.Of(parts.Select(part => part.Backward)).Median, Spread.Of(parts.Select(part => part.Transfer)).Median);
        var saved = Spread.Of(turns.Select(turn => (1 / turn.Peer) - (1 / turn.Ours))).Median;
        return (
            BenchRow.Of(name, "steps/s", "no overlap", turns),
            string.Create(
                CultureInfo.InvariantCulture,
                $"{name}: backward {backward * 1e3:0.0} ms, transfer {transfer * 1e3:0.0} ms; a step takes {saved * 1e3:0.0} ms less, {saved / Math.Min(backward, transfer):0.00} of the shorter one"));
    }
}
