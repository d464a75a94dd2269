namespace Orchestrator.Collectives;

internal static class PartialSums
{
    /// <summary>Checks that all rows lie within the span: what follows works on addresses.</summary>
    public static void Check(int rows, int partials, int stride, int elements)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, elements);
        if (rows > 0 && ((long)(rows - 1) * stride) + elements > partials)
        {
            throw new ArgumentException(
                $"{rows} rows of {elements} elements, {stride} apart, do not fit into {partials}.", nameof(partials));
        }
    }
}
