using System.CommandLine;
using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using Orchestrator.V1;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Commands;

/// <summary><c>orch run</c>: one model, trained once.</summary>
internal static class RunCommands
{
    public static Command Build(Shell shell) => new("run", "Single training runs, a sweep's trials among them")
    {
        new Command("submit", "Starts the run that a file describes").Takes(Text("FILE", "the run file, YAML"))
            .With(SubmitOptions.Set(), SubmitOptions.Watch(), Option("--from", "the checkpoint to go on from, by its identifier"))
            .WithOutput().Does((parsed, cancellation) => SubmitAsync(shell, parsed, cancellation)),
        ForwardedCommands.RunLocal(shell),
        ForwardedCommands.Replay(shell),
        new Command("list", "All runs").With(Option("--sweep", "only this sweep's")).WithOutput()
            .Does((parsed, cancellation) => ListAsync(shell, parsed, cancellation)),
        new Command("show", "A run, its workers, metrics and failures").Takes(Id()).WithOutput().Does(async (parsed, cancellation) =>
        {
            using var connection = Connection.Open(shell);
            var run = await connection.Runs.GetRunAsync(Which(parsed), cancellationToken: cancellation);
            return Said.Done(shell, parsed, run, parsed.Json() ? "" : RunText.Whole(run));
        }),
        new Command("watch", "Follows a run until it ends; Ctrl-C only stops watching").Takes(Id()).WithOutput().Does(async (parsed, cancellation) =>
        {
            using var connection = Connection.Open(shell);
            return await RunWatch.RunAsync(shell, connection, parsed.Text("ID"), parsed.Json(), cancellation);
        }),
        new Command("logs", "What a run's trainers printed").Takes(Id())
            .With(Flag("--follow", "wait for more until the run has ended", "-f"), new Option<int?>("--rank") { Description = "only this rank's lines" })
            .WithOutput().Does((parsed, cancellation) => RunLogs.PrintAsync(shell, parsed, cancellation)),
        new Command("trace", "A run's trace, as a waterfall").Takes(Id()).WithOutput().Does(async (parsed, cancellation) =>
        {
            using var connection = Connection.Open(shell);
            var trace = await connection.Runs.GetRunTraceAsync(Which(parsed), cancellationToken: cancellation);
            return Said.Done(shell, parsed, trace, parsed.Json() ? "" : string.Join('\n', Waterfall.Lines(trace)));
        }),
        new Command("cancel", "Ends a run").Takes(Id()).WithOutput().Does(async (parsed, cancellation) =>
        {
            using var connection = Connection.Open(shell);
            var run = await connection.Runs.CancelRunAsync(Which(parsed), cancellationToken: cancellation);
            return Said.Done(shell, parsed, run, $"run {parsed.Text("ID")} cancelled");
        }),
        new Command("delete", "Deletes an ended run with its checkpoints").Takes(Id()).WithOutput().Does(async (parsed, cancellation) =>
        {
            using var connection = Connection.Open(shell);
            await connection.Runs.DeleteRunAsync(Which(parsed), cancellationToken: cancellation);
            return Said.Deleted(shell, parsed, "run", parsed.Text("ID"));
        }),
    };

    private static Argument<string> Id() => Text("ID", "the run's identifier");

    private static GetRunRequest Which(ParseResult parsed) => new() { Id = parsed.Text("ID") };

    private static Task<int> SubmitAsync(Shell shell, ParseResult parsed, CancellationToken cancellation) => new Submission(
        "run",
        async (connection, text, name, overrides, token) =>
        {
            var submitted = await connection.Runs.SubmitRunAsync(
                new() { File = text, FileName = name, Folder = SpecText.FolderOf(name), Set = { overrides }, From = parsed.Maybe("--from") ?? "" },
                cancellationToken: token);
            return (submitted.Id, submitted.Notes);
        },
        (connection, id, token) => RunWatch.RunAsync(shell, connection, id, parsed.Json(), token)).RunAsync(shell, parsed, cancellation);

    private static async Task<int> ListAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        using var connection = Connection.Open(shell);
        var runs = (await connection.Runs.ListRunsAsync(new() { Sweep = parsed.Maybe("--sweep") ?? "" }, cancellationToken: cancellation)).Runs;
        return Said.Rows(shell, parsed, runs, ["id", "name", "state", "epoch", "step", "workers", "failures", "time", "sweep", "trial"], run =>
        [
            run.Id, run.Name, run.State, $"{run.Epoch}/{run.EpochsPlanned}", run.Step.ToString(), run.WorldSize.ToString(), run.Failures.Count.ToString(),
            Plain.Seconds(run.Seconds), run.Sweep, run.Sweep.Length > 0 ? run.Trial.ToString() : "",
        ]);
    }
}
