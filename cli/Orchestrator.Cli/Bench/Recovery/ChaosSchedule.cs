using System.Globalization;

namespace Orchestrator.Cli.Bench.Recovery;

internal enum ChaosKind
{
    KillTrainer,

    /// <summary>SIGSTOP, and SIGCONT later: for whoever replaced it, a zombie comes back.</summary>
    FreezeTrainer,

    /// <summary>Its trainers end with it; another one dials in.</summary>
    KillAgent,

    /// <summary>Its trainers go on.</summary>
    FreezeAgent,

    /// <summary>SIGSTOP for the agent and its trainers, as where a cable is pulled, and SIGCONT later.</summary>
    CutOff,

    /// <summary>SIGTERM; another one dials in.</summary>
    DrainAgent,

    AddAgent,

    /// <summary>Killed, and started again a while later.</summary>
    RestartCoordinator,

    /// <summary>No copy of the state is left.</summary>
    KillAllTrainers,
}

/// <param name="Step">Of the run, which is when it happens at the earliest.</param>
/// <param name="Which">Of the run's trainers, the one that it hits, or whose agent.</param>
/// <param name="Milliseconds">Until it is over.</param>
internal sealed record ChaosFault(ChaosKind Kind, long Step, int Which, int Milliseconds)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kind} {Which} at step {Step}{(Milliseconds > 0 ? $" for {Milliseconds} ms" : "")}");
}

/// <summary>A run and what is done to it; all of it follows from the seed.</summary>
/// <param name="File">Of <see cref="ChaosFiles"/>.</param>
/// <param name="Hasty">Strikes while the run still recovers, and at all trainers at once: all copies of the state may be gone.</param>
internal sealed record ChaosSchedule(int Seed, int File, int Min, int Max, bool Hasty, IReadOnlyList<ChaosFault> Faults)
{
    private const int MostFaults = 3;

    /// <summary>Shorter than silence is noticed, as often as longer.</summary>
    private const int Short = 300;
    private const int Long = 2500;

    public static ChaosSchedule Of(int seed)
    {
        var random = new Random(unchecked((seed * 7919) + 17));
        var (min, max) = random.Next(4) switch { 0 => (1, 2), 1 => (1, 3), _ => (2, 2) };
        var hasty = random.Next(4) == 0;
        var kinds = Enum.GetValues<ChaosKind>();
        ChaosFault[] faults =
        [
            .. Enumerable.Range(0, random.Next(1, MostFaults + 1))
                .Select(_ => Fault(kinds[random.Next(hasty ? kinds.Length : kinds.Length - 1)], random))
                .OrderBy(fault => fault.Step),
        ];
        return new ChaosSchedule(seed, random.Next(ChaosFiles.Count), min, max, hasty, faults);
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"seed {Seed}: file {File}, workers {Min} to {Max}{(Hasty ? ", hasty" : "")}: {string.Join("; ", Faults)}");

    private static ChaosFault Fault(ChaosKind kind, Random random)
    {
        // One in four among the last steps, checkpoints and the score.
        var step = random.Next(4) == 0 ? ChaosFiles.Steps - random.Next(10) : random.Next(1, ChaosFiles.Steps);
        var lasts = kind is ChaosKind.FreezeTrainer or ChaosKind.FreezeAgent or ChaosKind.CutOff or ChaosKind.RestartCoordinator;
        return new ChaosFault(kind, step, random.Next(MostFaults), lasts ? random.Next(random.Next(2) == 0 ? Short : Long) : 0);
    }
}
