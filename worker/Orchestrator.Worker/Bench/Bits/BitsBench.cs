using System.Globalization;
using System.Text.Json;
using Orchestrator.Worker.Bench.Parts;
using Orchestrator.Worker.Local;

namespace Orchestrator.Worker.Bench.Bits;

/// <summary>Trains the cover's files on processes that stay: each has one rank of one run after the other, with the engine and the collectives of a trainer.</summary>
internal static class BitsBench
{
    public static async Task<IReadOnlyList<BitsRow>> RunAsync(IReadOnlyList<BitsRun> runs, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("orch-bench-").FullName;
        var ranks = new List<PartProcess>();
        try
        {
            var dataset = LocalDataset.Find("digits", source: null, folder);
            for (var rank = 0; rank < runs.Max(run => run.Workers); rank++)
            {
                ranks.Add(await PartProcess.StartAsync(new PartOrder(PartKind.Hasher), BenchSpecs.Environment(runs[0].File.Spec), cancellationToken));
            }

            var rows = new List<BitsRow>();
            foreach (var (file, world, transport) in runs)
            {
                var output = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"run-{rows.Count}"));
                var order = new PartOrder(PartKind.Hasher, file.Spec.ToJson(), dataset, output, world, Transport: transport);
                var answers = await TrainAsync([.. ranks.Take(world)], order, cancellationToken);
                Directory.Delete(output, recursive: true);
                rows.AddRange(answers.Select(answer => (answer.WeightsHash, answer.Step)).Distinct()
                    .Select(answer => new BitsRow(file.Model, file.Optimizer, world, string.Join(" and ", answers.Select(rank => rank.Transport.Split(" (")[0]).Distinct(StringComparer.Ordinal)), answer.Step, answer.WeightsHash)));
            }

            return rows;
        }
        finally
        {
            foreach (var rank in ranks)
            {
                await rank.DisposeAsync();
            }

            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<HasherAnswer[]> TrainAsync(IReadOnlyList<PartProcess> ranks, PartOrder order, CancellationToken cancellationToken)
    {
        for (var rank = 0; rank < ranks.Count; rank++)
        {
            await ranks[rank].TellAsync(JsonSerializer.Serialize(order with { Rank = rank }), cancellationToken);
        }

        var peers = await HearAsync(ranks, cancellationToken);
        foreach (var rank in ranks)
        {
            await rank.TellAsync(string.Join(',', peers), cancellationToken);
        }

        return [.. (await HearAsync(ranks, cancellationToken)).Select(answer => JsonSerializer.Deserialize<HasherAnswer>(answer)!)];
    }

    private static Task<string[]> HearAsync(IEnumerable<PartProcess> ranks, CancellationToken cancellationToken) => Task.WhenAll(ranks.Select(rank => rank.HearAsync(cancellationToken)));
}
