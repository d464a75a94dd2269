using System.CommandLine;
using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;

namespace Orchestrator.Cli.Commands;

/// <summary><c>orch down</c>: ends the cluster that the environment names, and waits until it has ended.</summary>
internal static class DownCommand
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static Command Build(Shell shell) => new Command("down", "Ends the cluster, its workers too").WithOutput()
        .Does((parsed, cancellation) => RunAsync(shell, parsed, cancellation));

    private static async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        using var connection = Connection.Open(shell);
        var ended = await connection.Cluster.ShutdownAsync(new(), cancellationToken: cancellation);

        // A process of another machine can't be looked after from here, nor does its number mean anything.
        if (connection.Address.IsLoopback && !await Programs.IsGoneWithinAsync(ended.Pid, Limit, cancellation))
        {
            throw CliException.Failed($"the coordinator, process {ended.Pid}, still lives after {Limit.TotalSeconds:0} s; `kill -9 {ended.Pid}` ends it");
        }

        shell.Out.WriteLine(parsed.Json() ? ProtoJson.Line(ended) : $"the cluster at {connection.Address.Authority} has ended");
        return ExitCode.Done;
    }
}
