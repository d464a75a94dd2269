using System.Numerics;
using System.Runtime.CompilerServices;

namespace Orchestrator.Training.Optimization;

/// <summary>A piece's gradient, scaled, bounded, and with the weights' decay in it: on its way to a register, nothing of it is stored.</summary>
/// <param name="decay">What is added of the weights; 0 where the rule decays them itself.</param>
internal readonly unsafe ref struct PreparedGradient(in UpdateStep step, in HostPiece piece, double decay)
{
    private readonly float* gradients = piece.GradientsAt;
    private readonly Vector<float> scale = new((float)step.Scale);
    private readonly Vector<float> greatest = new((float)step.Bound);
    private readonly Vector<float> least = new((float)-step.Bound);
    private readonly Vector<float> decay = new((float)decay);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> At(int index, Vector<float> weight)
    {
        var gradient = Vector.Min(Vector.Max(Vector.Load(gradients + index) * scale, least), greatest);
        return gradient + (weight * decay);
    }
}
