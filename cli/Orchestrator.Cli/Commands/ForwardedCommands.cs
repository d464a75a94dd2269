using System.CommandLine;
using System.Globalization;
using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Commands;

/// <summary>Commands that are the worker's or the coordinator's own: this process becomes it, with the arguments as they were typed.</summary>
internal static class ForwardedCommands
{
    /// <summary>One process, no cluster: what a debugger wants.</summary>
    public static Command RunLocal(Shell shell) => Forward(
        shell,
        new Command("local", "Trains a run file here, in one process, without a cluster").Takes(Text("FILE", "the run file, YAML"))
            .With(SubmitOptions.Set(), Option("--data-dir", "where datasets and checkpoints go"), Option("--device", "cpu, or cuda for the first GPU (cpu unless told)")).WithOutput(),
        "run-local");

    /// <summary>A checkpoint's run again, in one process; one that is no folder here is fetched first.</summary>
    public static Command Replay(Shell shell) => new Command("replay", "Makes a checkpoint's run again here, and says whether the bits agree, or where they part")
        .Takes(Text("CHECKPOINT", "a fetched checkpoint's folder, or an identifier"))
        .With(Option("--dataset-dir", "the dataset's folder, or its source, where it is not digits"), Option("--data-dir", "where imported datasets go"),
            Option("--from", "the folder of the checkpoint that the run went on from, where it did"),
            Option("--device", "cpu or cuda (the kind that it was trained on, where there is one, unless told)"))
        .WithOutput()
        .Does(async (parsed, cancellation) =>
        {
            var checkpoint = parsed.Text("CHECKPOINT");
            List<string> line = ["replay", checkpoint];
            if (!Directory.Exists(checkpoint))
            {
                line = ["replay", await CheckpointCommands.FetchAsideAsync(shell, checkpoint, cancellation), "--fetched"];
            }

            foreach (var option in new[] { "--dataset-dir", "--data-dir", "--from", "--device" })
            {
                line.AddRange(parsed.Maybe(option) is { } value ? [option, value] : Array.Empty<string>());
            }

            throw Programs.Become(Installation.Find(shell).Worker, [.. line, "--output", parsed.Json() ? "json" : "text"]);
        });

    public static Command Predict(Shell shell) => Forward(
        shell,
        new Command("predict", "Applies a checkpoint to a file; needs no coordinator")
            .With(
                new Option<string>("--checkpoint") { Description = "a fetched checkpoint's folder", HelpName = "DIR", Required = true },
                new Option<string>("--input") { Description = "what to predict for", HelpName = "PATH", Required = true },
                Option("--to", "where files are written, for models that make files"))
            .WithOutput(),
        "predict");

    public static Command Agent(Shell shell) => Forward(
        shell,
        new Command("agent", "A worker's agent on this machine, which dials in to a coordinator").With(
            Option("--coordinator", "HOST:PORT of the coordinator; ORCH_ENDPOINT unless told"),
            Number("--slots", "trainers at a time", 1, 1, 1024),
            Option("--device", "cpu, or cuda: each slot is a GPU (cpu unless told)"),
            Option("--token-file", "file with the token that the coordinator was started with; ORCH_TOKEN unless told"),
            Option("--advertise", "the host that other workers reach this machine's trainers by"),
            Option("--peer-ports", "A-B: the ports that trainers listen on"),
            Option("--data-dir", "where chunks are cached and reports spooled"),
            Flag("--no-spare", "keep no warm trainer ready"),
            Number("--drain-seconds", "time that trainers have to hand over when the agent drains", 20, 0, 86_400)),
        "agent",
        parsed => parsed.Maybe("--coordinator") is null ? ["--coordinator", Address.Of(shell).Authority] : []);

    /// <param name="name">What is measured, in the worker's own processes.</param>
    public static Command Bench(Shell shell, string name, string description) => Forward(
        shell, new Command(name, description).With(Number("--rounds", "turns of each side", 15, 1, 10_000)).WithOutput(), "bench");

    public static Command Order(Shell shell) => new Command("order", "What logical order costs in time beside order of arrival, played on imagined workers")
        .With(
            Option("--workers", "how many there are: 8,32,100,1000 unless told"),
            Option("--parallel", "trials under way, for each worker: 1,2,4 unless told"),
            Option("--max-workers", "workers.max of a run, which idle workers join: 1,4 unless told"),
            Option("--stoppers", "some of none,asha; both unless told"),
            Option("--seeds", "sweeps of each case, of which the median counts: 8 unless told")).WithOutput()
        .Does((parsed, _) => throw Programs.Become(Installation.Find(shell).Coordinator, ["bench-order", .. parsed.Tokens.Select(token => token.Value).Skip(2)]));

    public static Command Bits(Shell shell) => Forward(
        shell,
        new Command("bits", "The same files on 1, 2, 3, 4 and 8 workers over every transport: the hashes of their weights, which must be equal")
            .With(Option("--models", "some of mlp,cnn (all unless told)"), Option("--optimizers", "some of sgd,nesterov,adam,adamw,rmsprop (all unless told)"), Option("--workers", "some of 1,2,3,4,8 (all unless told)"),
                Flag("--pairs", "of all trainings few, in which any two of model, optimizer, workers and transport meet"))
            .WithOutput(),
        "bench");

    /// <summary>What a sweep file asks for; needs no coordinator that runs.</summary>
    public static Command Preview(Shell shell) => new Command("preview", "What a sweep file asks for: trials, epochs, samples of the space; needs no coordinator")
        .Takes(Text("FILE", "the sweep file, YAML")).With(
            SubmitOptions.Set(),
            Option("--epoch-seconds", "how long an epoch of a trial takes on one worker"),
            Option("--like", "RUN: as long as an epoch of that run took, which a coordinator that runs is asked for"),
            Option("--workers", "how many workers there are; as many as trials are under way unless told"),
            Option("--price", "what a worker costs an hour"),
            Option("--checkpoint-mb", "how large a trial's checkpoint is, where the file does not tell")).WithOutput()
        .Does(async (parsed, cancellation) =>
        {
            var typed = parsed.Tokens.Select(token => token.Value).Skip(2).ToList();
            if (parsed.Maybe("--like") is { } run)
            {
                typed.RemoveRange(typed.IndexOf("--like"), 2);
                typed.AddRange(["--epoch-seconds", await EpochSecondsOfAsync(shell, parsed, run, cancellation)]);
            }

            throw Programs.Become(Installation.Find(shell).Coordinator, ["preview", .. typed]);
        });

    /// <summary>What an epoch of the run took of one worker, the run's start and what it waited for included.</summary>
    private static async Task<string> EpochSecondsOfAsync(Shell shell, ParseResult parsed, string id, CancellationToken cancellation)
    {
        if (parsed.Maybe("--epoch-seconds") is not null)
        {
            throw CliException.BadInput("--like and --epoch-seconds both say how long an epoch takes; leave one out");
        }

        using var connection = Connection.Open(shell);
        var run = await connection.Runs.GetRunAsync(new() { Id = id }, cancellationToken: cancellation);
        return run is { State: "succeeded", History.Count: > 0 and var epochs }
            ? (run.Seconds * run.WorldSize / epochs).ToString("R", CultureInfo.InvariantCulture)
            : throw CliException.BadInput($"--like {id}: the run is {run.State}, with {run.History.Count} epochs; name one that has succeeded");
    }

    private static Command Forward(Shell shell, Command command, string verb, Func<ParseResult, string[]>? more = null) =>
        command.Does((parsed, _) =>
        {
            var words = verb == "run-local" ? 2 : 1;
            var typed = parsed.Tokens.Select(token => token.Value).Skip(words);
            throw Programs.Become(Installation.Find(shell).Worker, [verb, .. typed, .. more?.Invoke(parsed) ?? []]);
        });
}
