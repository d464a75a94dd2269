using System.CommandLine;
using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using Orchestrator.V1;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Commands;

/// <summary><c>orch demo</c>: a whole sweep on the shipped digits, from nothing and back to nothing but the best checkpoint.</summary>
internal static class DemoCommand
{
    private const int Workers = 2;

    private static readonly TimeSpan TraceLimit = TimeSpan.FromSeconds(10);

    public static Command Build(Shell shell) => new Command("demo", "Runs a real sweep on the shipped digits, and cleans up")
        .With(new Option<string>("--directory", "-o") { Description = "where the best checkpoint goes", HelpName = "DIR", DefaultValueFactory = static _ => "digits-best" })
        .Does((parsed, cancellation) => RunAsync(shell, parsed.Text("--directory"), cancellation));

    private static async Task<int> RunAsync(Shell shell, string into, CancellationToken cancellation)
    {
        var installation = Installation.Find(shell);
        var sample = SampleFile(installation);
        var text = await SpecText.ReadAsync(sample, cancellation);
        var folder = Directory.CreateTempSubdirectory("orch-demo-").FullName;
        var progress = ProgressLine.On(shell, quiet: false, "");
        try
        {
            var options = new ClusterOptions("127.0.0.1:0", "127.0.0.1:0", folder, Workers, 1, null, null, null, null);
            shell.Out.WriteLine($"starting a cluster of {Workers} workers on this machine");
            using var cluster = await EmbeddedCluster.StartAsync(installation, options, shell, progress.Say, cancellation);
            progress.Clear();
            try
            {
                return await SweepAsync(shell, cluster, sample, text, into, cancellation);
            }
            finally
            {
                await cluster.StopAsync();
            }
        }
        finally
        {
            progress.Clear();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<int> SweepAsync(
        Shell shell, EmbeddedCluster cluster, string sample, string text, string into, CancellationToken cancellation)
    {
        using var connection = cluster.Connect();
        var span = SubmitSpan.Begin("sweep submit", TimeProvider.System);
        using var traced = cluster.Connect(span.TraceParent);
        // Every trial data-parallel on both workers: that is what there is to be shown.
        var request = new SubmitSweepRequest { File = text, FileName = Path.GetFileName(sample), Set = { $"training.workers.min={Workers}" } };
        var id = (await traced.Sweeps.SubmitSweepAsync(request, cancellationToken: cancellation)).Id;
        await span.EndAsync(connection, "orchestrator.sweep", id, cancellation);
        shell.Out.WriteLine($"sweep {id}: {Path.GetFileName(sample)}");
        var code = await SweepWatch.FollowAsync(shell, connection, id, json: false, cancellation);
        var sweep = await connection.Sweeps.GetSweepAsync(new() { Id = id }, cancellationToken: cancellation);
        if (code != ExitCode.Done || sweep.Best is not { } best)
        {
            throw CliException.Failed($"the demo's sweep is {sweep.State}: {sweep.Message}");
        }

        shell.Out.WriteLine();
        SweepText.Print(shell, sweep);
        shell.Out.WriteLine();
        shell.Out.WriteLine(SweepText.Best(sweep));
        shell.Out.WriteLine();
        foreach (var line in Waterfall.Lines(await TraceAsync(connection, best.Run, cancellation)))
        {
            shell.Out.WriteLine(line);
        }

        shell.Out.WriteLine();
        var fetched = await CheckpointCommands.FetchAsync(connection, new() { BestOfSweep = id }, into, shell, quiet: false, cancellation);
        shell.Out.WriteLine($"the best checkpoint lies in {fetched.Path}");
        return ExitCode.Done;
    }

    // Spans arrive in batches: the last of them some seconds after the run has ended, the run's own span among them.
    private static async Task<RunTrace> TraceAsync(Connection connection, string run, CancellationToken cancellation)
    {
        var until = DateTime.UtcNow + TraceLimit;
        var before = -1;
        while (true)
        {
            var trace = await connection.Runs.GetRunTraceAsync(new() { Id = run }, cancellationToken: cancellation);
            if ((trace.Spans.Count > 0 && trace.Spans.Count == before) || DateTime.UtcNow > until)
            {
                return trace;
            }

            before = trace.Spans.Count;
            await Task.Delay(TimeSpan.FromSeconds(1), cancellation);
        }
    }

    private static string SampleFile(Installation installation)
    {
        string[] places =
        [
            .. installation.Checkout is { } checkout ? [Path.Combine(checkout, "samples")] : Array.Empty<string>(),
            Path.Combine(Path.GetDirectoryName(Path.GetDirectoryName(installation.Coordinator))!, "samples"),
        ];
        return places.Select(place => Path.Combine(place, "digits.yaml")).FirstOrDefault(File.Exists)
            ?? throw CliException.Failed($"samples/digits.yaml is not in {string.Join(" nor in ", places)}");
    }
}
