using System.CommandLine;

namespace Orchestrator.Cli.Terminal;

/// <summary>How commands are written down: one expression each, which reads like its line of the help.</summary>
public static class CommandSyntax
{
    public static Command Takes(this Command command, params Argument[] arguments)
    {
        foreach (var argument in arguments)
        {
            command.Arguments.Add(argument);
        }

        return command;
    }

    public static Command With(this Command command, params Option[] options)
    {
        foreach (var option in options)
        {
            command.Options.Add(option);
        }

        return command;
    }

    /// <summary>Adds <c>--output text|json</c>.</summary>
    public static Command WithOutput(this Command command)
    {
        var option = new Option<string>("--output") { Description = "text, or json for scripts", DefaultValueFactory = static _ => "text" };
        option.AcceptOnlyFromAmong("text", "json");
        return command.With(option);
    }

    public static Command Does(this Command command, Func<ParseResult, CancellationToken, Task<int>> action)
    {
        command.SetAction(action);
        return command;
    }

    public static Argument<string> Text(string name, string description) => new(name) { Description = description };

    public static Option<string?> Option(string name, string description, string? alias = null) =>
        alias is null ? new(name) { Description = description } : new(name, alias) { Description = description };

    /// <summary>A whole number within bounds; anything else is an error of usage.</summary>
    public static Option<int> Number(string name, string description, int otherwise, int low, int high)
    {
        var option = new Option<int>(name) { Description = $"{description} ({otherwise} unless told)", DefaultValueFactory = _ => otherwise };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var value) && (value < low || value > high))
            {
                result.AddError($"{name} is {value}: it must be {low} to {high}");
            }
        });
        return option;
    }

    public static Option<bool> Flag(string name, string description, string? alias = null) =>
        alias is null ? new(name) { Description = description } : new(name, alias) { Description = description };

    public static bool Json(this ParseResult parsed) => parsed.GetValue<string>("--output") == "json";

    public static string Text(this ParseResult parsed, string name) =>
        parsed.GetValue<string>(name) ?? throw CliException.BadInput($"{name} is missing");

    public static string? Maybe(this ParseResult parsed, string name) => parsed.GetValue<string?>(name);
}
