using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Orchestrator.Collectives;
using Orchestrator.Collectives.Tcp;
using Orchestrator.Specs;
using Orchestrator.Training;

namespace Orchestrator.Workloads.Tests.Ranks;

/// <summary>A rank: reads its order, says its port, hears its peers', trains, says its result.</summary>
internal static class RankProgram
{
    public static async Task<int> RunAsync()
    {
        var order = JsonSerializer.Deserialize<RankOrder>((await Console.In.ReadLineAsync())!)!;
        var plan = ShardPlan.Even(RunSpec.FromJson(order.Spec).Training.Shards, order.WorldSize);
        using var listener = TcpCollective.Listen("127.0.0.1");
        Console.WriteLine(((IPEndPoint)listener.LocalEndpoint).Port);
        var peers = (await Console.In.ReadLineAsync())!.Split(',');
        await using var collective = await Collective.ConnectAsync(
            listener, order.Rank, peers, plan, SHA256.HashData(Encoding.UTF8.GetBytes(order.Run)), new CollectiveOptions { SharedMemory = order.SharedMemory }, CancellationToken.None);
        using var run = TrainingRun.Load(
            new TrainingTask
            {
                Spec = RunSpec.FromJson(order.Spec),
                Run = order.Run,
                DatasetDirectory = order.Dataset,
                Plan = plan,
                Rank = order.Rank,
                CheckpointDirectory = order.Checkpoint,
                OutputDirectory = order.Output,
                Overlap = order.Overlap,
            },
            new WorkloadCatalog());
        var notes = new Notes();
        var outcome = run.Train(collective, notes, new StopSignal(), CancellationToken.None);
        var epochs = notes.Epochs.Select(epoch => new RankEpoch(epoch.Epoch, epoch.Samples, epoch.LedgerHash, new(epoch.Metrics.ToDictionary()))).ToList();
        Console.WriteLine(JsonSerializer.Serialize(new RankResult(outcome.WeightsHash, outcome.Step, outcome.SamplesPerEpoch, run.ProbeHash, epochs, notes.EarlyBuckets)));
        return 0;
    }
}
