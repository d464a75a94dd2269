using System.Numerics;
using System.Runtime.CompilerServices;

namespace Orchestrator.Training.Kernels;

/// <summary>The sum of a matrix's rows, one after the other.</summary>
internal static unsafe class ColumnSums
{
    /// <param name="a">[rows, columns] float32, row-major</param>
    /// <param name="c">[columns]; written.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(nint a, nint c, int rows, int columns)
    {
        new ReadOnlySpan<float>((float*)a, columns).CopyTo(new Span<float>((float*)c, columns));
        for (var row = 1; row < rows; row++)
        {
            var line = (float*)a + ((long)row * columns);
            var index = 0;
            for (; index <= columns - Vector<float>.Count; index += Vector<float>.Count)
            {
                Vector.Store(Vector.Load((float*)c + index) + Vector.Load(line + index), (float*)c + index);
            }

            for (; index < columns; index++)
            {
                ((float*)c)[index] += line[index];
            }
        }
    }
}
