using System.CommandLine;

namespace Orchestrator.Cli.Terminal;

/// <summary>A command line that can't be read, told in one line.</summary>
public static class UsageLine
{
    public static int Write(ParseResult parsed, Shell shell)
    {
        var command = new List<string>();
        for (var at = parsed.CommandResult; at is not null; at = at.Parent as System.CommandLine.Parsing.CommandResult)
        {
            command.Insert(0, at.Command is RootCommand ? "orch" : at.Command.Name);
        }

        var message = parsed.Errors[0].Message.ReplaceLineEndings(" ").TrimEnd('.');
        shell.Error.WriteLine($"error: {message}; see `{string.Join(' ', command)} --help`");
        return ExitCode.BadInput;
    }
}
