using System.Text.Json;
using Orchestrator.Collectives;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.Workloads;
using TorchSharp;

namespace Orchestrator.Worker.Bench.Parts;

/// <summary>One rank of a run of which the hash counts.</summary>
internal sealed record HasherOrder(string Spec, string Dataset, string Output, int WorldSize, int Rank, PartTransport Transport);

/// <param name="WeightsHash">At the last step.</param>
/// <param name="Transport">As the collective calls it.</param>
internal sealed record HasherAnswer(string WeightsHash, long Step, string Transport);

/// <summary>A rank of one run after the other, each an order on its standard input, with trainer's engine and collectives.</summary>
internal static class HasherPart
{
    public static void Run()
    {
        while (Console.ReadLine() is { } line)
        {
            Console.WriteLine(JsonSerializer.Serialize(Train(JsonSerializer.Deserialize<HasherOrder>(line)!)));
        }
    }

    private static HasherAnswer Train(HasherOrder order)
    {
        var spec = RunSpec.FromJson(order.Spec);
        var plan = ShardPlan.Even(spec.Training.Shards, order.WorldSize);
        torch.set_num_threads(spec.Training.Threads);
        var collective = Rendezvous.Meet(order.Rank, plan, order.Transport);
        try
        {
            var task = new TrainingTask { Spec = spec, Run = "bits", DatasetDirectory = order.Dataset, Plan = plan, Rank = order.Rank, OutputDirectory = order.Output };
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
