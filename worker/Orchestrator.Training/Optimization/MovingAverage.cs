using System.Numerics;
using System.Runtime.CompilerServices;

namespace Orchestrator.Training.Optimization;

/// <summary>The exponential moving average of the weights: average += (1 - decay) (weight - average).</summary>
internal static unsafe class MovingAverage
{
    /// <param name="average">Float32, <paramref name="length"/> elements; a multiple of every vector's.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Follow(nint average, nint weights, int length, double decay)
    {
        var to = (float*)average;
        var from = (float*)weights;
        var rest = new Vector<float>((float)(1 - decay));
        for (var index = 0; index < length; index += Vector<float>.Count)
        {
            var before = Vector.Load(to + index);
            Vector.Store(before + (rest * (Vector.Load(from + index) - before)), to + index);
        }
    }
}
