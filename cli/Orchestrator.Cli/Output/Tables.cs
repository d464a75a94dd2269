using Orchestrator.Cli.Terminal;
using Orchestrator.V1;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Orchestrator.Cli.Output;

/// <summary>Tables for people: ruled and coloured on a terminal, bare columns when piped.</summary>
public static class Tables
{
    private const int PipedWidth = 400;

    public static IAnsiConsole Console(Shell shell)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(shell.Out),
            Ansi = shell.Interactive ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = shell.Colour ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = shell.Interactive ? InteractionSupport.Yes : InteractionSupport.No,
        });
        if (!shell.Interactive)
        {
            console.Profile.Width = PipedWidth;
        }

        return console;
    }

    /// <summary>Prints rows below their headings.</summary>
    public static void Print(Shell shell, IReadOnlyList<string> headings, IEnumerable<IReadOnlyList<string>> rows) =>
        Console(shell).Write(Table(shell, headings, rows));

    public static Table Table(Shell shell, IReadOnlyList<string> headings, IEnumerable<IReadOnlyList<string>> rows)
    {
        var table = new Table().Border(shell.Interactive ? TableBorder.Rounded : TableBorder.None);
        foreach (var heading in headings)
        {
            table.AddColumn(new TableColumn(new Text(heading)) { NoWrap = true });
        }

        foreach (var row in rows)
        {
            table.AddRow(row.Select(cell => (IRenderable)new Text(cell, StyleOf(cell))));
        }

        return table;
    }

    /// <summary>Trials with a column for each parameter.</summary>
    /// <param name="progress">A text for a trial's run while it runs: a bar.</param>
    public static Table Trials(Shell shell, Sweep sweep, Func<Trial, string>? progress = null)
    {
        var parameters = sweep.Trials.SelectMany(trial => trial.Parameters?.Fields.Keys ?? []).Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal).ToList();
        var metric = sweep.Objective?.Metric ?? "";
        var rows = sweep.Trials.OrderBy(trial => trial.Number).Select(trial => (IReadOnlyList<string>)
        [
            (sweep.Best?.Trial == trial.Number && sweep.Best is not null ? "*" : " ") + trial.Number,
            trial.State,
            .. parameters.Select(name => trial.Parameters?.Fields.TryGetValue(name, out var value) == true ? Plain.Value(value) : ""),
            trial.Metrics.TryGetValue(metric, out var value) ? Plain.Number(value) : "",
            trial.Epochs.ToString(),
            Plain.Seconds(trial.Seconds),
            progress?.Invoke(trial) is { Length: > 0 } bar ? bar : trial.Message.Length > 0 ? trial.Message : trial.From is { } from ? $"{trial.Run}, from trial {from.Trial} at epoch {from.Epoch}" : trial.Run,
        ]);
        return Table(shell, ["trial", "state", .. parameters, metric, "epochs", "time", "run"], rows);
    }

    private static Style StyleOf(string cell) => cell switch
    {
        "succeeded" or "ready" or "ok" => new Style(Color.Green),
        "running" => new Style(Color.Blue),
        "failed" or "lost" or "fail" => new Style(Color.Red),
        "cancelled" or "stopped" or "paused" or "draining" or "warn" => new Style(Color.Yellow),
        _ => Style.Plain,
    };
}
