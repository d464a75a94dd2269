namespace Orchestrator.Training;

/// <summary>The loss, a gradient or a metric is not a finite number any more. Nothing of the step was applied; every rank throws it at the same step.</summary>
/// <param name="step">From 1: the step that can't be applied.</param>
/// <param name="tensor"><c>loss</c>, the parameter whose gradient it is, or the metric.</param>
public sealed class DivergedException(long step, string tensor)
    : Exception($"step {step}: {tensor} is not a finite number; try a lower learning rate, or training.clip")
{
    public long Step { get; } = step;

    public string Tensor { get; } = tensor;
}
