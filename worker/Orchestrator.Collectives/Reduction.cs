namespace Orchestrator.Collectives;

/// <summary>An all-reduce as addresses. What it points to stays where it is until the sum is here.</summary>
/// <param name="Stride">From one row's begin to the next one's, in bytes.</param>
/// <param name="Elements">Of a row, and of the total.</param>
internal readonly record struct Reduction(ElementwiseSum Sum, nint Partials, long Stride, nint Total, int Elements);
