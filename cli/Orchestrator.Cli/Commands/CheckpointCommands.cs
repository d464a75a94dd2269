using System.CommandLine;
using System.Text.Json.Nodes;
using Grpc.Core;
using Orchestrator.Cli.Checkpoints;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using Orchestrator.V1;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Commands;

/// <summary><c>orch checkpoint</c>: trained weights and what is needed to go on from them.</summary>
internal static class CheckpointCommands
{
    public static Command Build(Shell shell) => new("checkpoint", "Checkpoints of runs and sweeps")
    {
        new Command("list", "All checkpoints").With(Option("--run", "only this run's"), Option("--sweep", "only this sweep's")).WithOutput()
            .Does((parsed, cancellation) => ListAsync(shell, parsed, cancellation)),
        new Command("fetch", "Brings a checkpoint here, checked against its hashes")
            .Takes(new Argument<string?>("ID") { Description = "the checkpoint's identifier", Arity = ArgumentArity.ZeroOrOne })
            .With(Option("--best", "the best checkpoint of this sweep, instead of ID"), Into()).WithOutput()
            .Does((parsed, cancellation) => FetchAsync(shell, parsed, cancellation)),
        new Command("verify", "Checks a fetched checkpoint against its hashes; needs no coordinator").Takes(Text("DIR", "the checkpoint's folder"))
            .WithOutput().Does((parsed, cancellation) => VerifyAsync(shell, parsed, cancellation)),
        new Command("delete", "Deletes a checkpoint").Takes(Text("ID", "the checkpoint's identifier")).WithOutput().Does(async (parsed, cancellation) =>
        {
            using var connection = Connection.Open(shell);
            await connection.Checkpoints.DeleteCheckpointAsync(new() { Id = parsed.Text("ID") }, cancellationToken: cancellation);
            return Said.Deleted(shell, parsed, "checkpoint", parsed.Text("ID"));
        }),
    };

    private static Option<string> Into() => new("--directory", "-o") { Description = "the folder to make", HelpName = "DIR", Required = true };

    private static async Task<int> ListAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var request = new ListCheckpointsRequest { Run = parsed.Maybe("--run") ?? "", Sweep = parsed.Maybe("--sweep") ?? "" };
        using var connection = Connection.Open(shell);
        var checkpoints = (await connection.Checkpoints.ListCheckpointsAsync(request, cancellationToken: cancellation)).Checkpoints;
        return Said.Rows(shell, parsed, checkpoints, ["id", "run", "epoch", "step", "size", "metrics"], checkpoint =>
        [
            checkpoint.Id, checkpoint.Run, checkpoint.Epoch.ToString(), checkpoint.Step.ToString(), Plain.Bytes(checkpoint.Bytes),
            Plain.Metrics(checkpoint.Metrics),
        ]);
    }

    private static async Task<int> FetchAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var (id, best) = (parsed.Maybe("ID"), parsed.Maybe("--best"));
        if (id is null == best is null)
        {
            throw CliException.BadInput("name either a checkpoint's ID or --best SWEEP");
        }

        var request = id is null ? new FetchCheckpointRequest { BestOfSweep = best } : new FetchCheckpointRequest { Id = id };
        using var connection = Connection.Open(shell);
        var fetched = await FetchAsync(connection, request, parsed.Text("--directory"), shell, quiet: parsed.Json(), cancellation);
        shell.Out.WriteLine(parsed.Json()
            ? new JsonObject { ["id"] = fetched.Id, ["path"] = fetched.Path, ["weightsHash"] = fetched.WeightsHash }.ToJsonString()
            : $"checkpoint {fetched.Id} lies in {fetched.Path}\n{(fetched.IsDirectory ? "directory" : "weights")} {fetched.WeightsHash}");
        return ExitCode.Done;
    }

    /// <summary>Fetches into a folder, with progress where a person looks on.</summary>
    public static async Task<CheckpointDownload.Fetched> FetchAsync(
        Connection connection, FetchCheckpointRequest request, string folder, Shell shell, bool quiet, CancellationToken cancellation)
    {
        using var call = connection.Checkpoints.FetchCheckpoint(request, cancellationToken: cancellation);
        var progress = ProgressLine.On(shell, quiet, "fetching");
        try
        {
            return await CheckpointDownload.SaveAsync(call.ResponseStream.ReadAllAsync(cancellation), folder, cancellation, progress.Show);
        }
        catch (RpcException exception) when (exception.IsUnreachable())
        {
            throw CallHeaders.NoCoordinator(connection.Address);
        }
        finally
        {
            progress.Clear();
        }
    }

    /// <summary>Fetches into a new folder that the caller takes away.</summary>
    public static async Task<string> FetchAsideAsync(Shell shell, string id, CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("orch-checkpoint-").FullName;
        try
        {
            using var connection = Connection.Open(shell);
            return (await FetchAsync(connection, new() { Id = id }, folder, shell, quiet: true, cancellation)).Path;
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    private static async Task<int> VerifyAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var folder = parsed.Text("DIR");
        var manifest = await CheckpointManifest.VerifyAsync(folder, cancellation);
        shell.Out.WriteLine(parsed.Json()
            ? new JsonObject { ["path"] = Path.GetFullPath(folder), ["weightsHash"] = manifest.WeightsHash }.ToJsonString()
            : $"{folder} is whole: every file is as its manifest says");
        return ExitCode.Done;
    }
}
