using System.CommandLine;
using Orchestrator.Cli.Terminal;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Commands;

/// <summary>What <c>sweep submit</c> and <c>run submit</c> share.</summary>
internal static class SubmitOptions
{
    public static Option<string[]> Set() => new("--set") { Description = "PATH=VALUE that replaces a field of the file; may be given again" };

    public static Option<bool> Watch() => Flag("--watch", "follow it until it ends; Ctrl-C only stops watching");

    /// <exception cref="CliException">One has no '='.</exception>
    public static IReadOnlyList<string> Overrides(ParseResult parsed)
    {
        var overrides = parsed.GetValue<string[]>("--set") ?? [];
        return overrides.FirstOrDefault(text => text.IndexOf('=', StringComparison.Ordinal) <= 0) is { } wrong
            ? throw CliException.BadInput($"--set {wrong}: it must be PATH=VALUE, such as training.epochs=3")
            : overrides;
    }
}
