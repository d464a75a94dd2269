namespace Orchestrator.Collectives;

/// <summary>A world of one rank: the sum of its own nodes.</summary>
/// <param name="plan">Of one rank.</param>
public sealed unsafe class LocalCollective(ShardPlan plan) : OrderedCollective(0, Single(plan))
{
    private readonly TreeProgram program = new(plan);

    public override string Transport => "one process";

    public override bool IsNetworked => false;

    // One rank owns the root: there is nothing to add, and so no temporary either.
    private protected override void Reduce(in Reduction reduction) =>
        reduction.Sum.Run(program, [reduction.Partials], (byte*)reduction.Total, reduction.Elements);

    private protected override byte[][] Gather(ReadOnlySpan<byte> mine) => [mine.ToArray()];

    private protected override void Spread(int root, byte* bytes, long length)
    {
        // The root has them.
    }

    private protected override void Close()
    {
        // Nobody waits.
    }

    private static ShardPlan Single(ShardPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentOutOfRangeException.ThrowIfNotEqual(plan.WorldSize, 1);
        return plan;
    }
}
