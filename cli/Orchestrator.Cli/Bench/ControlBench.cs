using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using Orchestrator.V1;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Bench;

/// <summary>
/// <c>orch bench control</c>: trials per second through everything but the training. A coordinator in a folder of its own, a sweep, and an agent over gRPC whose
/// trainers do nothing: so search, journal, broker, placement and sessions are what is measured, beside what the disk can sync; and how soon a coordinator is back.
/// </summary>
internal static class ControlBench
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(30);

    public static Command Build(Shell shell) => new Command("control", "Trials that do nothing, through search, journal, broker and sessions, against the disk's syncs")
        .With(
            Number("--trials", "trials of a sweep", 2000, 8, 1_000_000),
            Number("--slots", "slots of the agent", 32, 1, 1024),
            Number("--rounds", "sweeps, one after the other", 3, 1, 1000),
            Option("--broker", "a RabbitMQ, amqp://user:password@host/vhost; in memory unless told"),
            Option("--database", "a PostgreSQL connection string; SQLite unless told"))
        .WithOutput()
        .Does((parsed, cancellation) => RunAsync(shell, parsed, cancellation));

    private static async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("orch-bench-").FullName;
        var progress = ProgressLine.On(shell, parsed.Json(), "");
        try
        {
            var options = new ClusterOptions(
                "127.0.0.1:0", "127.0.0.1:0", folder, 0, 1, parsed.Maybe("--broker"), parsed.Maybe("--database"), null, null);
            var (trials, slots, rounds) = (parsed.GetValue<int>("--trials"), parsed.GetValue<int>("--slots"), parsed.GetValue<int>("--rounds"));
            var (rows, last) = await OnClusterAsync(shell, options, progress.Say, cluster => MeasureAsync(cluster, NameOf(options), trials, slots, rounds, folder, progress.Say, cancellation), cancellation);
            progress.Say($"starting again with {trials * rounds} trials in the journal");
            var watch = Stopwatch.StartNew();
            var again = await OnClusterAsync(shell, options, _ => { }, cluster => LookAsync(cluster, NameOf(options), trials * rounds, last, watch, cancellation), cancellation);
            progress.Clear();
            BenchRow.Print(shell, "control", [.. rows, .. again], parsed.Json());
            return ExitCode.Done;
        }
        finally
        {
            progress.Clear();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<T> OnClusterAsync<T>(Shell shell, ClusterOptions options, Action<string> say, Func<EmbeddedCluster, Task<T>> work, CancellationToken cancellation)
    {
        using var cluster = await EmbeddedCluster.StartAsync(Installation.Find(shell), options, shell, say, cancellation);
        try
        {
            return await work(cluster);
        }
        finally
        {
            await cluster.StopAsync();
        }
    }

    private static string NameOf(ClusterOptions options) => (options.Broker, options.Database) switch
    {
        (null, null) => "embedded",
        (null, _) => "PostgreSQL",
        (_, null) => "RabbitMQ",
        _ => "RabbitMQ and PostgreSQL",
    };

    /// <returns>The rows, and the last sweep's identifier.</returns>
    private static async Task<(IReadOnlyList<BenchRow> Rows, string Sweep)> MeasureAsync(
        EmbeddedCluster cluster, string name, int trials, int slots, int rounds, string folder, Action<string> say, CancellationToken cancellation)
    {
        using var connection = cluster.Connect();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var agent = new NoOpAgent(slots);
        var running = agent.RunAsync(connection.Calls, over.Token);
        await agent.Registered;

        // The first sweep pays for what is done once: compilation, connections, caches.
        await SweepAsync(connection, agent, running, Math.Min(trials, 200), slots, over.Token);
        var sweep = "";
        var (ours, peer, first, last, before, after) = (New(), New(), New(), New(), New(), New());
        for (var round = 1; round <= rounds; round++)
        {
            say($"round {round} of {rounds}: {trials} trials");
            peer.Add(DiskSync.Measure(folder));
            var done = agent.Ended.Count;
            before.Add(Megabytes(cluster.Endpoint.Pid));
            (sweep, var seconds) = await SweepAsync(connection, agent, running, trials, slots, over.Token);
            after.Add(Megabytes(cluster.Endpoint.Pid));
            ours.Add(trials / seconds);
            first.Add(Rate(agent.Ended, done, trials / 4));
            last.Add(Rate(agent.Ended, done + trials - (trials / 4), trials / 4));
        }

        await over.CancelAsync();
        await running;
        return (
        [
            BenchRow.Of($"{name}, {trials} trials, {slots} slots (peer: durable appends)", ours, peer, "per second"),
            BenchRow.Of($"{name}, the last quarter of the trials (peer: the first)", last, first, "trials per second"),
            BenchRow.Of($"{name}, the coordinator's memory after (peer: before)", after, before, "MB", moreIsBetter: false),
        ],
        sweep);
    }

    /// <summary>Of a coordinator that has started on the journal that is there: how long until it shows the last sweep, and what memory it has then.</summary>
    private static async Task<IReadOnlyList<BenchRow>> LookAsync(
        EmbeddedCluster cluster, string name, int trials, string sweep, Stopwatch sinceStart, CancellationToken cancellation)
    {
        using var connection = cluster.Connect();
        await connection.Sweeps.GetSweepAsync(new() { Id = sweep }, cancellationToken: cancellation);
        return
        [
            BenchRow.Alone($"{name}, from start to the last sweep shown, {trials} trials in the journal", [sinceStart.Elapsed.TotalSeconds], "s"),
            BenchRow.Alone($"{name}, the coordinator's memory then", [Megabytes(cluster.Endpoint.Pid)], "MB"),
        ];
    }

    private static List<double> New() => [];

    /// <returns>Its identifier, and seconds from submit to end by the coordinator's own clock.</returns>
    private static async Task<(string Id, double Seconds)> SweepAsync(
        Connection connection, NoOpAgent agent, Task running, int trials, int slots, CancellationToken cancellation)
    {
        var file = string.Create(CultureInfo.InvariantCulture, $$"""
            name: no-op
            workload: image-classifier
            dataset: digits
            model: { architecture: mlp, hidden: 8 }
            training: { epochs: 1, batch_size: 64, optimizer: { name: adamw, learning_rate: $lr } }
            search: { sampler: random, trials: {{trials}}, parallel: {{2 * slots}}, objective: { metric: val_accuracy, goal: maximize } }
            parameters: { lr: { loguniform: [1e-4, 1e-1] } }
            """);
        var end = agent.Ended.Count + trials;
        var id = (await connection.Sweeps.SubmitSweepAsync(new() { File = file, FileName = "no-op.yaml" }, cancellationToken: cancellation)).Id;
        var watch = Stopwatch.StartNew();
        while (true)
        {
            // To look at a sweep costs as much as it has trials: not before all of them have ended here.
            if (agent.Ended.Count >= end || watch.Elapsed > Patience)
            {
                var sweep = await connection.Sweeps.GetSweepAsync(new() { Id = id }, cancellationToken: cancellation);
                if (sweep.State == "succeeded")
                {
                    return (id, sweep.Seconds);
                }

                if (sweep.State != "running" || watch.Elapsed > Patience)
                {
                    throw CliException.Failed($"the sweep is {sweep.State} after {watch.Elapsed.TotalSeconds:0} s: {sweep.Message}");
                }
            }

            if (running.IsCompleted)
            {
                throw CliException.Failed("the agent's session ended");
            }

            await Task.Delay(Glance, cancellation);
        }
    }

    private static double Rate(List<long> ended, int from, int count) => (count - 1) / Stopwatch.GetElapsedTime(ended[from], ended[from + count - 1]).TotalSeconds;

    private static double Megabytes(int pid)
    {
        using var process = Process.GetProcessById(pid);
        return Math.Round(process.WorkingSet64 / 1e6, 1);
    }
}
