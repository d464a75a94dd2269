using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Orchestrator.Cli.Bench.Recovery;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.V1;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Bench.Balance;

/// <summary>
/// <c>orch bench balance</c>: one of two workers gets a share of a core from a control group. A step while both have as many shards, a step once shards follow speeds, and the ideal: all shards in the time in which
/// both together, at their measured paces, would have done with them. The weights at the end must be those of one worker that nobody slowed down.
/// </summary>
internal static class BalanceBench
{
    private const int Shards = 8;
    private const double Cores = 0.25;

    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);

    /// <summary>Of the first steps after a change nothing is said.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    public static Command Build(Shell shell) => new Command("balance", "A step of two workers, one of them on a quarter of a core, once shards follow speeds, against even shards and against the ideal")
        .With(Number("--rounds", "runs", 3, 1, 100))
        .WithOutput()
        .Does((parsed, cancellation) => RunAsync(shell, parsed, cancellation));

    private static async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var progress = ProgressLine.On(shell, parsed.Json(), "");
        try
        {
            var rounds = await MeasureAsync(shell, parsed.GetValue<int>("--rounds"), progress.Say, cancellation);
            progress.Clear();
            var name = string.Create(CultureInfo.InvariantCulture, $"one of two workers on {Cores} of a core, {Shards} shards: a step");
            double[] balanced = [.. rounds.Select(round => round.Balanced)];
            BenchRow.Print(
                shell,
                "balance",
                [
                    BenchRow.Of($"{name}; peer: even shards", balanced, [.. rounds.Select(round => round.Even)], "ms", moreIsBetter: false),
                    BenchRow.Of($"{name}; peer: the ideal of the shards' paces", balanced, [.. rounds.Select(round => round.Ideal)], "ms", moreIsBetter: false),
                ],
                parsed.Json());
            if (!parsed.Json())
            {
                shell.Out.WriteLine($"shards: {string.Join(", ", rounds.Select(round => round.Shards).Distinct())}; the weights are those of one worker that nobody slowed down: {rounds[0].WeightsHash}");
            }

            return ExitCode.Done;
        }
        finally
        {
            progress.Clear();
        }
    }

    private static async Task<IReadOnlyList<Round>> MeasureAsync(Shell shell, int count, Action<string> say, CancellationToken cancellation)
    {
        // Before anything else: it may be refused.
        using var group = CreateGroup();
        await using var cluster = await BenchCluster.StartAsync(shell, agents: 2, spare: false, cancellation);
        say("one worker, undisturbed");
        var undisturbed = await cluster.EndAsync(await cluster.SubmitAsync(RunFile(workers: 1), cancellation), cancellation);
        var rounds = new List<Round>();
        for (var round = 1; round <= count; round++)
        {
            say(string.Create(CultureInfo.InvariantCulture, $"round {round} of {count}"));
            rounds.Add(await RoundAsync(cluster, group, cancellation));
            if (rounds[^1].WeightsHash != undisturbed.WeightsHash)
            {
                throw CliException.Failed($"the weights are {rounds[^1].WeightsHash}, and {undisturbed.WeightsHash} on one worker that nobody slowed down");
            }
        }

        return rounds;
    }

    private static CpuGroup CreateGroup()
    {
        try
        {
            return CpuGroup.Create(Cores);
        }
        catch (IOException refused)
        {
            throw CliException.Failed(refused.Message);
        }
    }

    private static async Task<Round> RoundAsync(BenchCluster cluster, CpuGroup group, CancellationToken cancellation)
    {
        var id = await cluster.SubmitAsync(RunFile(workers: 2), cancellation);
        var begun = await cluster.UntilTrainingAsync(id, workers: 2, steps: 2, cancellation);
        group.Add(begun.Workers.Single(worker => worker.Rank == 1).Pid);
        var (even, _) = await WatchAsync(cluster, id, begun.Generation, cancellation);
        var (balanced, last) = await WatchAsync(cluster, id, (await cluster.RunAsync(id, cancellation)).Generation, cancellation);
        // Where shards moved once more, what counts is where they came to rest.
        for (var now = await cluster.RunAsync(id, cancellation); now.Generation != last.Generation; now = await cluster.RunAsync(id, cancellation))
        {
            (balanced, last) = await WatchAsync(cluster, id, now.Generation, cancellation);
        }

        var ended = await cluster.EndAsync(id, cancellation);
        return new Round(
            even,
            balanced,
            1000 * Shards / last.Workers.Sum(worker => 1 / worker.ShardSeconds),
            string.Join('+', last.Workers.OrderBy(worker => worker.Rank).Select(worker => worker.EndShard - worker.FirstShard)),
            ended.State == "succeeded" ? ended.WeightsHash : throw CliException.Failed($"the run is {ended.State}: {ended.Message}"));
    }

    /// <summary>Watches a generation's steps until it is over, or for long enough.</summary>
    /// <returns>Milliseconds of a step, and the run as it was last seen in it, both workers' paces known.</returns>
    private static async Task<(double Milliseconds, Run Last)> WatchAsync(BenchCluster cluster, string id, int generation, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        (TimeSpan At, long Step) first = default, newest = default;
        Run? last = null;
        while (watch.Elapsed < Settling + Longest && await cluster.RunAsync(id, cancellation) is { State: "running" } run && run.Generation == generation)
        {
            // Heartbeats tell of steps: from one that brought news to another.
            if (watch.Elapsed > Settling && run.Step > newest.Step)
            {
                newest = (watch.Elapsed, run.Step);
                first = first.Step == 0 ? newest : first;
            }

            last = run.Workers.Count == 2 && run.Workers.All(worker => worker.ShardSeconds > 0) ? run : last;
            await Task.Delay(Glance, cancellation);
        }

        return last is not null && newest.Step > first.Step
            ? ((newest.At - first.At).TotalMilliseconds / (newest.Step - first.Step), last)
            : throw CliException.Failed($"generation {generation} was over before its steps were timed: this machine is too fast, or too busy, for this benchmark");
    }

    /// <summary>Much to compute and little to sum, so that a step's time is its shards'.</summary>
    private static string RunFile(int workers) => string.Create(CultureInfo.InvariantCulture, $$"""
        name: balance
        workload: image-classifier
        dataset: digits
        model: { architecture: cnn, channels: [64, 128], hidden: [64] }
        training:
          epochs: 60
          batch_size: 1024
          shards: {{Shards}}
          workers: { min: {{workers}}, max: {{workers}} }
          optimizer: { name: sgd, learning_rate: 0.01 }
          evaluate: 1000 epochs
          checkpoint: { every: 1000 epochs, keep_best: 1, keep_last: 1 }
        """);

    /// <summary>Milliseconds of a step.</summary>
    /// <param name="Shards">Of each worker.</param>
    private sealed record Round(double Even, double Balanced, double Ideal, string Shards, string WeightsHash);
}
