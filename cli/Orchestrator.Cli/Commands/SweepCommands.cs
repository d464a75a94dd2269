using System.CommandLine;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using Orchestrator.V1;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Commands;

/// <summary><c>orch sweep</c>: searches over the parameters of a file.</summary>
internal static class SweepCommands
{
    public static Command Build(Shell shell) => new("sweep", "Searches over hyperparameters")
    {
        new Command("submit", "Starts the sweep that a file describes, or that another one was").Takes(new Argument<string>("FILE") { Description = "the sweep file, YAML", Arity = ArgumentArity.ZeroOrOne })
            .With(SubmitOptions.Set(), Option("--clone", "the ID of a sweep whose file is taken instead"), SubmitOptions.Watch()).WithOutput().Does((parsed, cancellation) => SubmitAsync(shell, parsed, cancellation)),
        new Command("list", "All sweeps, with how far they are")
            .With(new Option<string[]>("--label") { Description = "NAME=VALUE that a sweep must carry; may be given again" })
            .WithOutput().Does((parsed, cancellation) => ListAsync(shell, parsed, cancellation)),
        ForwardedCommands.Preview(shell),
        new Command("show", "A sweep, its trials, and what they tell of the parameters").Takes(Id()).With(Output()).Does(async (parsed, cancellation) =>
            Show(shell, parsed, await CallAsync(shell, parsed, (sweeps, id) => sweeps.GetSweepAsync(new() { Id = id.Id, Explain = true }, cancellationToken: cancellation)))),
        new Command("watch", "Follows a sweep until it ends; Ctrl-C only stops watching").Takes(Id()).WithOutput().Does(async (parsed, cancellation) =>
        {
            using var connection = Connection.Open(shell);
            return await SweepWatch.RunAsync(shell, connection, parsed.Text("ID"), parsed.Json(), cancellation);
        }),
        Change(shell, "pause", "Begins no more trials until it is resumed", "paused", (sweeps, id, c) => sweeps.PauseSweepAsync(id, cancellationToken: c)),
        Change(shell, "resume", "Goes on with a paused sweep", "resumed", (sweeps, id, c) => sweeps.ResumeSweepAsync(id, cancellationToken: c)),
        Change(shell, "cancel", "Ends a sweep and its running trials", "cancelled", (sweeps, id, c) => sweeps.CancelSweepAsync(id, cancellationToken: c)),
        Change(shell, "retry", "Runs a sweep's lost trials again", "goes on", (sweeps, id, c) => sweeps.RetrySweepAsync(id, cancellationToken: c)),
        new Command("extend", "Plans more trials; a sweep that has succeeded goes on").Takes(Id())
            .With(new Option<int>("--trials") { Description = "how many in all", HelpName = "N", Required = true }).WithOutput().Does(async (parsed, cancellation) =>
            {
                using var connection = Connection.Open(shell);
                var request = new ExtendSweepRequest { Id = parsed.Text("ID"), Trials = parsed.GetValue<int>("--trials") };
                return Said.Done(shell, parsed, await connection.Sweeps.ExtendSweepAsync(request, cancellationToken: cancellation), $"sweep {request.Id} goes to {request.Trials} trials");
            }),
        new Command("best", "The best trial so far, and its checkpoint").Takes(Id()).WithOutput().Does(async (parsed, cancellation) =>
            Best(shell, parsed, await CallAsync(shell, parsed, (sweeps, id) => sweeps.GetSweepAsync(id, cancellationToken: cancellation)))),
        new Command("delete", "Deletes an ended sweep with its runs and checkpoints").Takes(Id()).WithOutput().Does(async (parsed, cancellation) =>
        {
            await CallAsync(shell, parsed, (sweeps, id) => sweeps.DeleteSweepAsync(id, cancellationToken: cancellation));
            return Said.Deleted(shell, parsed, "sweep", parsed.Text("ID"));
        }),
    };

    private static Argument<string> Id() => Text("ID", "the sweep's identifier");

    private static Command Change(
        Shell shell, string name, string description, string done,
        Func<SweepService.SweepServiceClient, GetSweepRequest, CancellationToken, Grpc.Core.AsyncUnaryCall<Sweep>> call) =>
        new Command(name, description).Takes(Id()).WithOutput().Does(async (parsed, cancellation) =>
            Said.Done(shell, parsed, await CallAsync(shell, parsed, (sweeps, id) => call(sweeps, id, cancellation)), $"sweep {parsed.Text("ID")} {done}"));

    private static async Task<T> CallAsync<T>(
        Shell shell, ParseResult parsed, Func<SweepService.SweepServiceClient, GetSweepRequest, Grpc.Core.AsyncUnaryCall<T>> call)
    {
        using var connection = Connection.Open(shell);
        return await call(connection.Sweeps, new() { Id = parsed.Text("ID") });
    }

    /// <summary>As everywhere, and a table of the trials for spreadsheets and plots.</summary>
    private static Option<string> Output()
    {
        var option = new Option<string>("--output") { Description = "text, json for scripts, or csv: a row a trial", DefaultValueFactory = static _ => "text" };
        option.AcceptOnlyFromAmong("text", "json", "csv");
        return option;
    }

    private static async Task<int> SubmitAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        if ((parsed.Maybe("FILE") is null) == (parsed.Maybe("--clone") is null))
        {
            throw CliException.BadInput(parsed.Maybe("FILE") is null ? "FILE is missing; or --clone ID, for another sweep's file" : "FILE and --clone are both given; keep one of them");
        }

        if (parsed.Maybe("--clone") is not { } original)
        {
            return await SubmitFileAsync(shell, parsed, cancellation);
        }

        using var connection = Connection.Open(shell);
        var file = await connection.Sweeps.GetSweepFileAsync(new() { Id = original }, cancellationToken: cancellation);
        var request = new SubmitSweepRequest { File = file.File, FileName = file.FileName, Folder = SpecText.FolderOf(file.FileName), Set = { file.Set, SubmitOptions.Overrides(parsed) } };
        var id = (await connection.Sweeps.SubmitSweepAsync(request, cancellationToken: cancellation)).Id;
        if (parsed.GetValue<bool>("--watch"))
        {
            return await SweepWatch.RunAsync(shell, connection, id, parsed.Json(), cancellation);
        }

        shell.Out.WriteLine(parsed.Json() ? Said.IdJson(id) : $"sweep {id} submitted; follow it with `orch sweep watch {id}`");
        return ExitCode.Done;
    }

    private static Task<int> SubmitFileAsync(Shell shell, ParseResult parsed, CancellationToken cancellation) => new Submission(
        "sweep",
        async (connection, text, name, overrides, token) =>
        {
            var submitted = await connection.Sweeps.SubmitSweepAsync(new() { File = text, FileName = name, Folder = SpecText.FolderOf(name), Set = { overrides } }, cancellationToken: token);
            return (submitted.Id, submitted.Notes);
        },
        (connection, id, token) => SweepWatch.RunAsync(shell, connection, id, parsed.Json(), token)).RunAsync(shell, parsed, cancellation);

    private static async Task<int> ListAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var request = new ListSweepsRequest();
        foreach (var label in parsed.GetValue<string[]>("--label") ?? [])
        {
            var at = label.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0)
            {
                throw CliException.BadInput($"--label {label}: it must be NAME=VALUE");
            }

            request.Labels[label[..at]] = label[(at + 1)..];
        }

        using var connection = Connection.Open(shell);
        var sweeps = (await connection.Sweeps.ListSweepsAsync(request, cancellationToken: cancellation)).Sweeps;
        return Said.Rows(shell, parsed, sweeps, ["id", "name", "state", "trials", "best", "submitted", "time"], sweep =>
        [
            sweep.Id, sweep.Name, sweep.State, $"{SweepText.Ended(sweep)}/{sweep.TrialsPlanned}",
            sweep.Best is { } best ? Plain.Number(best.Value) : "", sweep.SubmittedAt, Plain.Seconds(sweep.Seconds),
        ]);
    }

    private static int Show(Shell shell, ParseResult parsed, Sweep sweep)
    {
        if (parsed.Json())
        {
            shell.Out.WriteLine(ProtoJson.Text(sweep));
        }
        else if (parsed.GetValue<string>("--output") == "csv")
        {
            TrialsCsv.Write(shell.Out, sweep);
        }
        else
        {
            SweepText.Print(shell, sweep);
            SweepText.Explain(shell, sweep);
        }

        return ExitCode.Done;
    }

    private static int Best(Shell shell, ParseResult parsed, Sweep sweep)
    {
        if (sweep.Best is not { } best)
        {
            throw CliException.Failed($"sweep {sweep.Id} ({sweep.State}) has no best trial: no trial has a value yet");
        }

        if (parsed.Json())
        {
            shell.Out.WriteLine(ProtoJson.Text(best));
            return ExitCode.Done;
        }

        shell.Out.WriteLine(SweepText.Best(sweep));
        if (best.Checkpoint.Length > 0)
        {
            shell.Out.WriteLine($"checkpoint {best.Checkpoint}; fetch it with `orch checkpoint fetch {best.Checkpoint} -o DIR`");
        }

        return ExitCode.Done;
    }
}
