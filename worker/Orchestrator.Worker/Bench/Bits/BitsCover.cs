using Orchestrator.Worker.Bench.Parts;

namespace Orchestrator.Worker.Bench.Bits;

/// <summary>A training of a file.</summary>
internal sealed record BitsRun(BitsCase File, int Workers, PartTransport Transport);

/// <summary>Which trainings there are of some files on some numbers of workers.</summary>
internal static class BitsCover
{
    public static IReadOnlyList<BitsRun> All(IReadOnlyList<BitsCase> files, IReadOnlyList<int> worlds) =>
        [.. files.SelectMany(file => worlds.SelectMany(world => TransportsOf(world).Select(transport => new BitsRun(file, world, transport))))];

    /// <summary>
    /// Of all of them few in which any two of model, optimizer, workers and transport that can meet do so: every file on the fewest workers, which the others are held against, and then always the one that brings
    /// the most pairs together that have not met yet.
    /// </summary>
    public static IReadOnlyList<BitsRun> Pairs(IReadOnlyList<BitsCase> files, IReadOnlyList<int> worlds)
    {
        var all = All(files, worlds);
        var chosen = all.Where(run => run.Workers == worlds.Min() && run.Transport == PartTransport.Fastest).ToList();
        var missing = all.SelectMany(PairsOf).ToHashSet();
        missing.ExceptWith(chosen.SelectMany(PairsOf));
        while (missing.Count > 0)
        {
            chosen.Add(all.MaxBy(run => PairsOf(run).Count(missing.Contains))!);
            missing.ExceptWith(PairsOf(chosen[^1]));
        }

        return [.. all.Where(chosen.Contains)];
    }

    private static IEnumerable<(object One, object Other)> PairsOf(BitsRun run)
    {
        object[] values = [run.File.Model, run.File.Optimizer, run.Workers, run.Transport];
        return values.SelectMany((one, index) => values.Skip(index + 1).Select(other => (one, other)));
    }

    private static PartTransport[] TransportsOf(int world) => world switch
    {
        1 => [PartTransport.Fastest],
        2 => [PartTransport.Fastest, PartTransport.Tcp],
        _ => [PartTransport.Fastest, PartTransport.Tcp, PartTransport.Mixed],
    };
}
