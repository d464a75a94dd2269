using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.V1;

namespace Orchestrator.Cli.Output;

/// <summary>A sweep's trials as a table (RFC 4180): a column for each parameter and metric, which is what parallel coordinates and slices are drawn from.</summary>
internal static class TrialsCsv
{
    public static void Write(TextWriter to, Sweep sweep)
    {
        string[] parameters = [.. sweep.Trials.SelectMany(trial => trial.Parameters?.Fields.Keys ?? []).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        string[] metrics = [.. sweep.Trials.SelectMany(trial => trial.Metrics.Keys).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        Row(to, ["trial", "state", "epochs", "seconds", .. parameters.Select(name => $"parameter.{name}"), .. metrics, "rung", "rank", "reason", "message", "from", "from_epoch"]);
        foreach (var trial in sweep.Trials.OrderBy(trial => trial.Number))
        {
            Row(to,
            [
                Number(trial.Number), trial.State, Number(trial.Epochs), Number(trial.Seconds),
                .. parameters.Select(name => trial.Parameters?.Fields.TryGetValue(name, out var value) == true ? Exact(value) : ""),
                .. metrics.Select(name => trial.Metrics.TryGetValue(name, out var value) ? Number(value) : ""),
                trial.Rung is { } rung ? Number(rung.Epoch) : "", trial.Rung is { } mark ? Number(mark.Rank) : "", trial.Reason, trial.Message,
                trial.From is { } from ? Number(from.Trial) : "", trial.From is { } at ? Number(at.Epoch) : "",
            ]);
        }
    }

    private static void Row(TextWriter to, IEnumerable<string> cells) => to.WriteLine(string.Join(',', cells.Select(Cell)));

    private static string Cell(string text) => text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>Not rounded, as tables for people are.</summary>
    private static string Exact(Value value) => value.KindCase switch
    {
        Value.KindOneofCase.StringValue => value.StringValue,
        Value.KindOneofCase.NumberValue => Number(value.NumberValue),
        _ => ProtoJson.Line(value),
    };

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
