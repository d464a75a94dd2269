namespace Orchestrator.EndToEnd.Tests.Chaos;

internal enum ChaosKind
{
    KillTrainer,

    /// <summary>SIGSTOP, and SIGCONT later: for whoever replaced it, a zombie comes back.</summary>
    FreezeTrainer,

    /// <summary>Its trainers end with it.</summary>
    KillAgent,

    /// <summary>Its trainers go on.</summary>
    FreezeAgent,

    /// <summary>SIGTERM; another comes in its place.</summary>
    DrainAgent,

    /// <summary>One more dials in.</summary>
    AddAgent,

    /// <summary>And a new one, a while later.</summary>
    RestartCoordinator,

    /// <summary>No copy of the state is left.</summary>
    KillAllTrainers,
}

/// <param name="Which">Of the run's trainers, the one that it hits, or whose agent.</param>
/// <param name="Steps">That the run makes after the fault before it, or after its beginning.</param>
/// <param name="Milliseconds">Until it is over.</param>
internal sealed record ChaosFault(ChaosKind Kind, int Which, int Steps, int Milliseconds)
{
    public override string ToString() => FormattableString.Invariant($"after {Steps} steps {Kind} {Which} for {Milliseconds} ms");
}

/// <summary>A run and what is done to it; all of it follows from the seed.</summary>
/// <param name="File">Which of the files.</param>
/// <param name="Hasty">Strikes on while the run still recovers from the fault before: all copies of the state may be gone with it.</param>
/// <param name="AtTheEnd">The last fault comes so long after the run was let go: among its last steps, checkpoints and its score. Null: before.</param>
internal sealed record ChaosSchedule(int Seed, int File, int Min, int Max, bool Hasty, int? AtTheEnd, IReadOnlyList<ChaosFault> Faults)
{
    public static ChaosSchedule Of(int seed)
    {
        var random = new Random(unchecked((seed * 7919) + 17));
        var (min, max) = random.Next(4) switch { 0 => (1, 2), 1 => (1, 3), _ => (2, 2) };
        var hasty = random.Next(4) == 0;
        var kinds = Enum.GetValues<ChaosKind>();
        var faults = Enumerable.Range(0, random.Next(1, 4))
            .Select(_ => new ChaosFault(kinds[random.Next(hasty ? kinds.Length : kinds.Length - 1)], random.Next(3), random.Next(1, 7), random.Next(random.Next(2) == 0 ? 300 : 2500)))
            .ToArray();
        return new ChaosSchedule(seed, random.Next(ChaosFiles.Count), min, max, hasty, random.Next(3) == 0 ? random.Next(1500) : null, faults);
    }

    public override string ToString() =>
        $"seed {Seed}: file {File}, workers {Min} to {Max}{(Hasty ? ", hasty" : "")}; {string.Join("; ", Faults)}{(AtTheEnd is { } end ? FormattableString.Invariant($", {end} ms after it was let go") : "")}";
}
