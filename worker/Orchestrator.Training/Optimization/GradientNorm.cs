using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Orchestrator.Training.Optimization;

/// <summary>
/// The sum of squares of a flat buffer in one order: blocks of 4,096 elements, eight double lanes within a block, a canonical tree over the blocks. The same bits for any world, bucket and vector width.
/// </summary>
internal static class GradientNorm
{
    public const int Block = 4096;

    /// <returns>Not finite where an element is not.</returns>
    public static double SumOfSquares(ReadOnlySpan<float> elements)
    {
        if (elements.Length <= Block)
        {
            return BlockSum(elements);
        }

        var blocks = (elements.Length + Block - 1) / Block;
        var left = Block << System.Numerics.BitOperations.Log2((uint)(blocks - 1));
        return SumOfSquares(elements[..left]) + SumOfSquares(elements[left..]);
    }

    private static double BlockSum(ReadOnlySpan<float> block)
    {
        var low = Vector256<double>.Zero;
        var high = Vector256<double>.Zero;
        var vectors = MemoryMarshal.Cast<float, Vector256<float>>(block);
        foreach (var vector in vectors)
        {
            // Multiply and add apart: a fused operation would round differently where the hardware has none.
            var (first, second) = Vector256.Widen(vector);
            low += first * first;
            high += second * second;
        }

        var lanes = low + high;
        var sum = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
        foreach (var element in block[(vectors.Length * 8)..])
        {
            sum += (double)element * element;
        }

        return sum;
    }
}
