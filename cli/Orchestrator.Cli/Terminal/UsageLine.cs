using System.CommandLine;
using System.CommandLine.Parsing;
using Orchestrator.Specs.Binding;

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

        shell.Error.WriteLine($"error: {Message(parsed)}; see `{string.Join(' ', command)} --help`");
        return ExitCode.BadInput;
    }

    private static string Message(ParseResult parsed)
    {
        // A word that is no command also makes a command missing: the word is the mistake.
        if (parsed.CommandResult.Command.Subcommands is { Count: > 0 } known && parsed.UnmatchedTokens is [var word, ..])
        {
            return $"there is no command '{word}'; {Suggestion.For(word, [.. known.Select(command => command.Name)])}";
        }

        var error = parsed.Errors[0];
        return error.SymbolResult is OptionResult { Option: { } option, Tokens: [var token, ..] }
            && (option.ValueType == typeof(int?) || option.ValueType == typeof(int)) && !int.TryParse(token.Value, out _)
                ? $"{option.Name} is '{token.Value}': it must be a whole number"
                : error.Message.ReplaceLineEndings(" ").TrimEnd('.');
    }
}
