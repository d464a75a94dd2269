using System.CommandLine;

namespace Orchestrator.Worker;

/// <summary>Exit codes of every command here.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int BadInput = 2;
    public const int NotAllowed = 4;
}

/// <summary>A mistake that ends the command: one line to stderr and an exit code.</summary>
internal sealed class CommandException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}

internal static class CommandLine
{
    /// <summary>Parses and runs; bad usage is one line and exit code 2.</summary>
    public static int Run(this ParseResult parsed)
    {
        if (parsed.Errors.Count > 0)
        {
            return Say($"{parsed.Errors[0].Message.TrimEnd('.')} (see --help)", ExitCode.BadInput);
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (CommandException mistake)
        {
            return Say(mistake.Message, mistake.ExitCode);
        }
    }

    private static int Say(string line, int exitCode)
    {
        Console.Error.WriteLine($"error: {line.ReplaceLineEndings(" ")}");
        return exitCode;
    }
}
