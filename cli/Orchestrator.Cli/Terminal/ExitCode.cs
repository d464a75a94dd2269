namespace Orchestrator.Cli.Terminal;

/// <summary>What scripts rely on.</summary>
public static class ExitCode
{
    public const int Done = 0;

    /// <summary>The sweep or run failed or was cancelled.</summary>
    public const int Failed = 1;

    /// <summary>Bad input or usage; an unknown identifier too.</summary>
    public const int BadInput = 2;

    public const int NoCoordinator = 3;

    public const int NotAllowed = 4;

    /// <summary>Ended by Ctrl-C before it was done, as shells have it.</summary>
    public const int Interrupted = 130;
}
