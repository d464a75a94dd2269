using System.Text.Json.Nodes;
using Orchestrator.Specs;
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
        using var model = Network(spec.Model);
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

    /// <summary>The same network as the workload's, of torch's own layers.</summary>
    private static nn.Module<Tensor, Tensor> Network(JsonObject model)
    {
        var layers = new List<nn.Module<Tensor, Tensor>>();
        var (channels, side) = (1L, (long)SyntheticImages.Side);
        foreach (var next in Widths("channels"))
        {
            layers.AddRange([nn.Conv2d(channels, next, 3, padding: 1), nn.ReLU(), nn.MaxPool2d(2)]);
            (channels, side) = (next, side / 2);
        }

        layers.Add(nn.Flatten());
        var inputs = channels * side * side;
        foreach (var width in Widths("hidden"))
        {
            layers.AddRange([nn.Linear(inputs, width), nn.ReLU()]);
            inputs = width;
        }

        layers.Add(nn.Linear(inputs, SyntheticImages.Classes));
        return nn.Sequential(layers);

        IEnumerable<long> Widths(string field) => model[field]?.AsArray().Select(width => width!.GetValue<long>()) ?? [];
    }
}
