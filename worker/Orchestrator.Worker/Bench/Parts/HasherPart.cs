using System.Text.Json;
using Orchestrator.Collectives;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.Workloads;
using TorchSharp;

namespace Orchestrator.Worker.Bench.Parts;

/// <param name="WeightsHash">At the last step.</param>
/// <param name="Transport">As the collective calls it.</param>
internal sealed record HasherAnswer(string WeightsHash, long Step, string Transport);

/// <summary>A rank of one run after the other, each an order on its standard input, with a trainer's engine and collectives.</summary>
internal static class HasherPart
{
    public static void Run()
    {
        while (Console.ReadLine() is { } line)
        {
            Console.WriteLine(JsonSerializer.Serialize(Train(JsonSerializer.Deserialize<PartOrder>(line)!)));
        }
    }

    private static HasherAnswer Train(PartOrder order)
    {
        var spec = RunSpec.FromJson(order.Spec);
        var plan = ShardPlan.Even(spec.Training.Shards, order.WorldSize);
        torch.set_num_threads(spec.Training.Threads);
        var collective = Rendezvous.Meet(order, plan);
        try
        {
            var task = new TrainingTask { Spec = spec, Run = "bits", DatasetDirectory = order.Dataset, Plan = plan, Rank = order.Rank, OutputDirectory = order.Output, Overlap = order.Overlap };
            using var run = TrainingRun.Load(task, new WorkloadCatalog());
            var outcome = run.Train(collective, new SilentObserver(), new StopSignal(), CancellationToken.None);
            return new HasherAnswer(outcome.WeightsHash, outcome.Step, collective.Transport);
        }
        finally
        {
            collective.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }
}
