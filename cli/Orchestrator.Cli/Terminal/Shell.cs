namespace Orchestrator.Cli.Terminal;

/// <summary>What a command sees of the world around it: where it prints, whether a person looks on, and the environment.</summary>
/// <param name="Out">Results.</param>
/// <param name="Error">Errors, and progress that is no result.</param>
/// <param name="Interactive">Output goes to a terminal: live tables and colour make sense.</param>
/// <param name="Variable">Environment variables; null where unset.</param>
public sealed record Shell(TextWriter Out, TextWriter Error, bool Interactive, Func<string, string?> Variable)
{
    /// <summary>NO_COLOR is honoured as https://no-color.org has it.</summary>
    public bool Colour => Interactive && string.IsNullOrEmpty(Variable("NO_COLOR"));

    public static Shell OfThisProcess() =>
        new(Console.Out, Console.Error, !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") != "dumb", Environment.GetEnvironmentVariable);
}
