namespace Orchestrator.Training.Optimization;

/// <summary>What an update of a step is told, besides its tensors.</summary>
/// <param name="Step">From 1, over the run.</param>
/// <param name="Scale">Of the gradient, before anything else: what clipping by norm asks for; 1 changes nothing.</param>
/// <param name="Bound">The greatest magnitude of a gradient's element after that; infinite for none.</param>
internal readonly record struct UpdateStep(double LearningRate, long Step, double Scale = 1, double Bound = double.PositiveInfinity)
{
    /// <summary>The range's own.</summary>
    public double WeightDecay { get; init; }
}

/// <summary>A stretch of the flat tensors that is updated alike; in elements.</summary>
internal readonly record struct UpdateRange(int First, int Length, double WeightDecay);

/// <summary>A piece of the flat tensors in the host's memory. Its length is a multiple of every vector's.</summary>
/// <param name="First">The optimizer's first state, by the order in which it added them; null where it has none.</param>
internal readonly unsafe record struct HostPiece(nint Weights, nint Gradients, nint First, nint Second, int Length)
{
    public float* WeightsAt => (float*)Weights;

    public float* GradientsAt => (float*)Gradients;

    public float* FirstAt => (float*)First;

    public float* SecondAt => (float*)Second;
}
