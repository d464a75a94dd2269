using Orchestrator.Specs.Binding;
using Orchestrator.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.EndToEnd.Workload;

/// <summary>What goes wrong, and when.</summary>
public sealed record TroubledModel
{
    [Field("Milliseconds that every batch takes longer.", Min = 0, Max = 10_000)]
    public int Delay { get; init; }

    [Field("Whether it computes for so long, of its process's own time, instead of sleeping.")]
    public bool Busy { get; init; }

    [Field("A file's path: once it is there, batches take no longer than they must.")]
    public string Until { get; init; } = "";

    [Field("The training batch of a process that throws; 0 for none.", Min = 0, Max = 1_000_000)]
    public int ThrowAt { get; init; }

    [Field("Dropout before the output.", Min = 0, Max = 0.9)]
    public double Dropout { get; init; }
}

/// <summary>A linear classifier that takes its time, or throws: trials that tests can count on to last, or to fail.</summary>
public sealed class Troubled(WorkloadContext context) : Orchestrator.Training.Workload(context)
{
    private readonly TroubledModel options = context.Bind<TroubledModel>();
    private readonly TorchSharp.Modules.Linear model = nn.Linear(
        context.Dataset.Features.First(feature => feature.Key != context.Dataset.Target).Value.Elements, context.Dataset.Classes.Length);

    private int batches;

    public override nn.Module Model => model;

    public override Tensor Forward(Batch batch)
    {
        if (model.training && ++batches == options.ThrowAt)
        {
            throw new InvalidOperationException($"trouble at batch {batches}");
        }

        if (options.Delay > 0 && !(options.Until.Length > 0 && File.Exists(options.Until)))
        {
            Wait();
        }

        using var flat = batch.Input.flatten(1);
        return model.forward(nn.functional.dropout(flat, options.Dropout, model.training));
    }

    private void Wait()
    {
        if (!options.Busy)
        {
            Thread.Sleep(options.Delay);
            return;
        }

        var end = Environment.CpuUsage.TotalTime + TimeSpan.FromMilliseconds(options.Delay);
        while (Environment.CpuUsage.TotalTime < end)
        {
            Thread.SpinWait(1000);
        }
    }

    public override Tensor Loss(Tensor output, Batch batch) => nn.functional.cross_entropy(output, batch.Target, reduction: nn.Reduction.Sum);

    public override void Measure(Tensor output, Batch batch, MetricSums sums) =>
        sums.Count("accuracy", output.argmax(1).eq(batch.Target).sum().ToInt64(), batch.Count);
}
