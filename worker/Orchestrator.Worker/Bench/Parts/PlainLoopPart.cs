using Orchestrator.Data;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.Workloads;
using static TorchSharp.torch;

namespace Orchestrator.Worker.Bench.Parts;

/// <summary>The loop of TorchSharp's own examples: random rows of a tensor in memory, forward, backward, step.</summary>
internal static class PlainLoopPart
{
    public static void Run(PartOrder order)
    {
        var spec = RunSpec.FromJson(order.Spec);
        set_num_threads(1);
        manual_seed(1);
        using var dataset = Dataset.Open(order.Dataset, splitSeed: 0, verify: false);
        using var workload = new WorkloadCatalog().Find(spec.Workload).Create(new WorkloadContext(spec, dataset.Manifest));
        var model = (nn.Module<Tensor, Tensor>)workload.Model;
        using var optimizer = optim.Adam(model.parameters(), spec.Training.Optimizer.LearningRate);
        using var images = tensor(SyntheticImages.Pixels(), [SyntheticImages.Rows, 1, SyntheticImages.Side, SyntheticImages.Side]);
        using var labels = tensor(SyntheticImages.Labels()).to(ScalarType.Int64);
        var clock = new SliceClock();
        for (var more = clock.Wait(); more; more = clock.Step())
        {
            using var scope = NewDisposeScope();
            var rows = randint(SyntheticImages.Rows, [spec.Training.BatchSize]);
            var batch = images.index_select(0, rows).to(ScalarType.Float32).div_(255f);
            optimizer.zero_grad();
            var loss = nn.functional.cross_entropy(model.forward(batch), labels.index_select(0, rows));
            loss.backward();
            optimizer.step();
        }
    }
}
