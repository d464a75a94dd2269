using System.CommandLine;
using System.Globalization;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using Orchestrator.V1;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Commands;

/// <summary><c>orch trial</c>: trials that any program runs, of sweeps with <c>workload: external</c>.</summary>
internal static class TrialCommands
{
    public static Command Build(Shell shell) => new("trial", "Trials of a sweep with workload: external, which any program runs")
    {
        new Command("ask", "A trial to work on").Takes(Sweep())
            .With(Option("--worker", "your name, for people; this machine's unless told"), Number("--timeout", "seconds to wait for a trial", 0, 0, 100)).WithOutput()
            .Does((parsed, cancellation) => AskAsync(shell, parsed, cancellation)),
        new Command("tell", "What came of a trial").Takes(Sweep(), new Argument<int>("N") { Description = "the trial's number" })
            .With(
                new Option<int?>("--step") { Description = "which step this is, from 1" },
                new Option<string[]>("--metric") { Description = "NAME=VALUE; may be given again" },
                Flag("--final", "the trial has succeeded"),
                Option("--failed", "why the trial has failed"))
            .WithOutput().Does((parsed, cancellation) => TellAsync(shell, parsed, cancellation)),
    };

    private static Argument<string> Sweep() => Text("SWEEP", "the sweep's identifier");

    private static async Task<int> AskAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        using var connection = Connection.Open(shell);
        var answer = await connection.Sweeps.AskTrialAsync(
            new() { Id = parsed.Text("SWEEP"), Timeout = parsed.GetValue<int>("--timeout"), Body = new() { Worker = parsed.Maybe("--worker") ?? Environment.MachineName } },
            cancellationToken: cancellation);
        return Said.Done(shell, parsed, answer, answer.Done ? "done: the sweep has ended" : answer.Wait ? "wait: nothing to do now; ask again" : Describe(answer));
    }

    private static async Task<int> TellAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var request = new TellTrialRequest { Id = parsed.Text("SWEEP"), Trial = parsed.GetValue<int>("N"), Final = parsed.GetValue<bool>("--final") };
        foreach (var metric in parsed.GetValue<string[]>("--metric") ?? [])
        {
            var at = metric.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0 || !double.TryParse(metric[(at + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
            {
                throw CliException.BadInput($"--metric {metric}: it must be NAME=VALUE, such as loss=0.3");
            }

            request.Metrics[metric[..at]] = value;
        }

        if (parsed.GetValue<int?>("--step") is { } step)
        {
            request.Step = step;
        }

        if (parsed.Maybe("--failed") is { } why)
        {
            request.Failed = why;
        }

        using var connection = Connection.Open(shell);
        var answer = await connection.Sweeps.TellTrialAsync(request, cancellationToken: cancellation);
        return Said.Done(shell, parsed, answer, answer.Stop ? "stop: work on something else" : "told");
    }

    private static string Describe(AskTrialResponse answer)
    {
        var parameters = answer.Parameters.Fields.OrderBy(field => field.Key, StringComparer.Ordinal).Select(field => $"{field.Key} {Plain.Value(field.Value)}");
        var from = answer.From is { } origin ? $", begun where trial {origin.Trial} stood after step {origin.Epoch}" : "";
        return $"trial {answer.Trial} from step {answer.Step}{from}: {string.Join("  ", parameters)}";
    }
}
