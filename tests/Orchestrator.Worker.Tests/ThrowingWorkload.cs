using Orchestrator.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Worker.Tests;

/// <summary>A user's workload with a mistake in it.</summary>
public sealed class ThrowingWorkload(WorkloadContext context) : Workload(context)
{
    private readonly nn.Module<Tensor, Tensor> model = nn.Linear(64, 10);

    public override nn.Module Model => model;

    public override Tensor Forward(Batch batch) => MultiplyWrongly(batch.Input);

    public override Tensor Loss(Tensor output, Batch batch) => nn.functional.cross_entropy(output, batch.Target, reduction: nn.Reduction.Sum);

    // [batch, 1, 8, 8] is not [batch, 64].
    private Tensor MultiplyWrongly(Tensor input) => model.forward(input);
}
