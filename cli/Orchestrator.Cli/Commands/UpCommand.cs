using System.CommandLine;
using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Commands;

/// <summary><c>orch up</c>: a cluster on this machine, in the foreground or left running.</summary>
internal static class UpCommand
{
    public static Command Build(Shell shell) => new Command("up", "Starts a cluster on this machine")
        .With(
            Number("--workers", "workers to start", 2, 0, 1024),
            Number("--slots", "trainers that each runs at a time", 1, 1, 1024),
            Option("--listen", $"HOST:PORT for gRPC ({Address.Default} unless told); port 0 takes a free one"),
            Option("--listen-web", "HOST:PORT for REST, health and metrics; the next port unless told"),
            Option("--data-dir", "where everything is kept (~/.local/share/orchestrator unless told)"),
            Option("--broker", "amqp://user:password@host/vhost; in memory unless told"),
            Option("--database", "a PostgreSQL connection string; SQLite in the data directory unless told"),
            Option("--artifacts", "where checkpoints are kept; in the data directory unless told"),
            Option("--token-file", "file with the token that callers must bring; needed beyond loopback"),
            Flag("--detach", "return once it takes work; `orch down` ends it"))
        .WithOutput()
        .Does((parsed, cancellation) => RunAsync(shell, parsed, cancellation));

    private static async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var directory = DataDirectory.Prepare(parsed.Maybe("--data-dir") ?? DataDirectory.Default(shell));
        var options = new ClusterOptions(
            parsed.Maybe("--listen") ?? Address.Default,
            parsed.Maybe("--listen-web"),
            directory.Path,
            parsed.GetValue<int>("--workers"),
            parsed.GetValue<int>("--slots"),
            parsed.Maybe("--broker"),
            parsed.Maybe("--database"),
            parsed.Maybe("--artifacts"),
            parsed.Maybe("--token-file"));
        var progress = ProgressLine.On(shell, parsed.Json(), "");
        EmbeddedCluster cluster;
        try
        {
            cluster = await EmbeddedCluster.StartAsync(Installation.Find(shell), options, shell, progress.Say, cancellation);
        }
        catch (CliException refusal) when (refusal.ExitCode == ExitCode.BadInput)
        {
            // What was typed is wrong, and the line says all of it: nothing half-done stays.
            directory.Forget();
            throw;
        }
        finally
        {
            progress.Clear();
        }

        using (cluster)
        {
            Announce(shell, parsed, cluster, options);
            return parsed.GetValue<bool>("--detach") ? ExitCode.Done : await StayAsync(shell, cluster, cancellation);
        }
    }

    private static void Announce(Shell shell, ParseResult parsed, EmbeddedCluster cluster, ClusterOptions options)
    {
        if (parsed.Json())
        {
            shell.Out.WriteLine(cluster.Endpoint.ToJson());
            shell.Out.Flush();
            return;
        }

        shell.Out.WriteLine($"""
            coordinator  {cluster.Endpoint.Endpoint} (process {cluster.Endpoint.Pid})
            web          {cluster.Endpoint.Web}
            workers      {options.Workers} with {Plain.Count(options.Slots, "slot")} each
            data         {options.DataDirectory}
            log          {cluster.LogPath}
            """);
        if (Address.Parse(cluster.Endpoint.Endpoint)?.Authority != Address.Of(shell).Authority)
        {
            shell.Out.WriteLine($"other commands find it with  export ORCH_ENDPOINT={cluster.Endpoint.Endpoint}");
        }

        shell.Out.WriteLine(parsed.GetValue<bool>("--detach") ? "`orch down` ends it" : "Ctrl-C ends it");
    }

    private static async Task<int> StayAsync(Shell shell, EmbeddedCluster cluster, CancellationToken cancellation)
    {
        try
        {
            var code = await cluster.WaitForExitAsync(cancellation);
            if (code != 0)
            {
                shell.Error.WriteLine($"error: the coordinator ended with exit code {code}: {cluster.LastWords()}");
            }

            return code;
        }
        catch (OperationCanceledException)
        {
            shell.Error.WriteLine("ending the cluster");
            await cluster.StopAsync();
            return ExitCode.Done;
        }
    }
}
