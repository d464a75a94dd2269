namespace Orchestrator.Cli.Terminal;

/// <summary>An error that a person can mend: one line that says what, where and the mend, and the exit code.</summary>
public sealed class CliException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;

    /// <summary>Something typed, or a file, is not as it must be.</summary>
    public static CliException BadInput(string message) => new(Terminal.ExitCode.BadInput, message);

    /// <summary>A part of this machine or of a cluster did not do what it should.</summary>
    public static CliException Failed(string message) => new(Terminal.ExitCode.Failed, message);
}
