namespace Orchestrator.Simulation.Tests;

internal enum FaultKind
{
    KillTrainer,
    FreezeTrainer,

    /// <summary>With a step half told: some peers have what the others never get.</summary>
    KillInExchange,
    FreezeInExchange,

    /// <summary>Its trainers end with it; it starts again later, with its spool.</summary>
    KillAgent,

    /// <summary>Its trainers go on.</summary>
    FreezeAgent,

    /// <summary>All its processes; or the machine, which answers nobody then.</summary>
    FreezeHost,

    /// <summary>No end of any connection is seen; the same machine comes back later.</summary>
    LoseHost,
    RestartCoordinator,
    FreezeCoordinator,

    /// <summary>With all that was under way in it.</summary>
    BreakSession,

    /// <summary>Between an agent and the coordinator, one way or both.</summary>
    CutFromCoordinator,

    /// <summary>Between two hosts, one way or both.</summary>
    CutHosts,

    /// <summary>SIGTERM, with much patience, with hardly any or with some; another machine comes in its place.</summary>
    Drain,
    Join,
    Slow,

    /// <summary>An append fails, or its success is not heard of.</summary>
    JournalFails,
}

/// <param name="At">Seconds.</param>
/// <param name="Which">Whom it hits, of those that are there by then.</param>
/// <param name="How">One way, the other way or both, or what the kind says.</param>
/// <param name="Seconds">Until it is over.</param>
internal sealed record Fault(double At, FaultKind Kind, int Which, int Other, int How, double Seconds)
{
    public override string ToString() => FormattableString.Invariant($"{At:0.000} s: {Kind} {Which} {Other} {How} for {Seconds:0.0} s");
}
