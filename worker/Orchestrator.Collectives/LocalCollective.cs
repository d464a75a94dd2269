using System.Numerics;

namespace Orchestrator.Collectives;

/// <summary>A world of one rank: the sum of its own nodes.</summary>
public sealed unsafe class LocalCollective : ICollective
{
    private readonly TreeProgram program;

    /// <param name="plan">Of one rank.</param>
    public LocalCollective(ShardPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentOutOfRangeException.ThrowIfNotEqual(plan.WorldSize, 1);
        Plan = plan;
        program = new TreeProgram(plan);
    }

    public int Rank => 0;

    public int WorldSize => 1;

    public ShardPlan Plan { get; }

    public void AllReduce<T>(ReadOnlySpan<T> partials, int stride, Span<T> total)
        where T : unmanaged, INumber<T>
    {
        PartialSums.Check(program.Leaves, partials.Length, stride, total.Length);
        fixed (T* rows = partials)
        fixed (T* sum = total)
        {
            // One rank owns the root: there is nothing to add, and so no temporary either.
            ElementwiseSum.Of<T>().Run(program, [(nint)rows], (byte*)sum, total.Length);
        }
    }

    public byte[][] AllGather(ReadOnlySpan<byte> mine) => [mine.ToArray()];

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
