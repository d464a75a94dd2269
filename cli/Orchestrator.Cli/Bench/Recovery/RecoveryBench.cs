using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Bench.Recovery;

/// <summary>
/// <c>orch bench recovery</c>: processes of real clusters are killed with -9, and the trainers' own clocks say how long it took until the next step. The peer is what is usual: the whole gang is started
/// anew from the last checkpoint, once with our own trainers, and where ORCH_BENCH_PYTHON names a Python with torch also with torchrun.
/// </summary>
internal static class RecoveryBench
{
    private const string PythonVariable = "ORCH_BENCH_PYTHON";

    /// <summary>For a spare to be warm again.</summary>
    private static readonly TimeSpan Warming = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(0.5);

    public static Command Build(Shell shell) => new Command("recovery", "From a kill -9 to the next step, against starting the whole gang anew from its checkpoint")
        .With(Number("--rounds", "kills of each kind", 10, 1, 1000))
        .WithOutput()
        .Does((parsed, cancellation) => RunAsync(shell, parsed, cancellation));

    private static async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var progress = ProgressLine.On(shell, parsed.Json(), "");
        try
        {
            var rounds = parsed.GetValue<int>("--rounds");
            Task<Figures> Kills(string what, int min, int max, bool spare, bool all = false)
            {
                progress.Say(what);
                return KillAsync(shell, new Case(min, max, spare, all, rounds), cancellation);
            }

            var gang = (await Kills("the whole gang, anew", 2, 2, spare: false, all: true)).NextStep;
            var goesOn = await Kills("one of two, the other goes on", 1, 2, spare: true);
            var spared = await Kills("one of two, a spare steps in", 2, 2, spare: true);
            var fresh = await Kills("one of two, a new process", 2, 2, spare: false);
            var both = await Kills("both, spares", 2, 2, spare: true, all: true);
            var only = await Kills("the only one, a spare", 1, 1, spare: true, all: true);
            progress.Say("the coordinator");
            var coordinator = await RestartAsync(shell, rounds, cancellation);
            var rows = new List<BenchRow>();
            void Row(string name, IReadOnlyList<double> ours, IReadOnlyList<double>? peer = null) => rows.Add(BenchRow.Of(name, ours, peer ?? gang, "ms", moreIsBetter: false) with { Best = ours.Min() });
            Row("one of two trainers killed, min 1: next step (peer: whole gang anew, no spare)", goesOn.NextStep);
            Row("the same: the survivor stands still", goesOn.Stall);
            Row("a worker joins: the other stands still", goesOn.Growth);
            Row("one of two killed, min 2, warm spare: next step", spared.NextStep);
            Row("one of two killed, min 2, no spare: next step", fresh.NextStep);
            Row("both killed, warm spares: next step", both.NextStep);
            Row("the only one killed, warm spare: next step", only.NextStep);
            Row("coordinator killed and started again: it hears of a step (no trainer stands still)", coordinator);
            if (shell.Variable(PythonVariable) is { Length: > 0 } python)
            {
                progress.Say("torchrun");
                var torchrun = await TorchElastic.MeasureAsync(python, rounds, cancellation);
                Row("one of two trainers killed, min 1: next step (peer: torchrun)", goesOn.NextStep, torchrun);
                Row("one of two killed, min 2, no spare: next step (peer: torchrun)", fresh.NextStep, torchrun);
            }

            progress.Clear();
            BenchRow.Print(shell, "recovery", rows, parsed.Json());
            return ExitCode.Done;
        }
        finally
        {
            progress.Clear();
        }
    }

    /// <summary>Kills trainers of a run again and again, each time once all are back.</summary>
    private static async Task<Figures> KillAsync(Shell shell, Case @case, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(shell, @case.Max, @case.Spare, cancellation);
        var id = await cluster.SubmitAsync(RunFile(@case.Min, @case.Max), cancellation);
        var figures = new Figures([], [], []);
        for (var round = 0; round < @case.Rounds; round++)
        {
            await cluster.UntilTrainingAsync(id, @case.Max, cancellation);
            await Task.Delay(@case.Spare ? Warming : Settling, cancellation);
            var run = await cluster.RunAsync(id, cancellation);
            int[] victims = [.. run.Workers.Where(worker => @case.All || worker.Rank == round % @case.Max).Select(worker => worker.Pid)];
            int[] survivors = [.. run.Workers.Select(worker => worker.Pid).Except(victims)];
            var killed = DateTimeOffset.UtcNow;
            Array.ForEach(victims, Programs.Kill);

            var next = await cluster.StandstillsAsync(id, killed, run.Generation + 1, cancellation);
            figures.NextStep.Add((next.Max(span => span.End) - killed).TotalMilliseconds);
            figures.Stall.AddRange(StallsOf(next, survivors));
            if (next[0].WorldSize < @case.Max)
            {
                // It grows again.
                figures.Growth.AddRange(StallsOf(await cluster.StandstillsAsync(id, killed, next[0].Generation + 1, cancellation), survivors));
            }
        }

        return figures;
    }

    private static IEnumerable<double> StallsOf(IReadOnlyList<Standstill> spans, int[] survivors) =>
        spans.Where(span => survivors.Contains(span.Pid)).Select(span => span.Milliseconds);

    private static async Task<IReadOnlyList<double>> RestartAsync(Shell shell, int rounds, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(shell, 2, spare: false, cancellation);
        var id = await cluster.SubmitAsync(RunFile(2, 2), cancellation);
        var times = new List<double>();
        var before = await cluster.UntilTrainingAsync(id, 2, cancellation);
        for (var round = 0; round < rounds; round++)
        {
            var watch = Stopwatch.StartNew();
            await cluster.RestartCoordinatorAsync(id, cancellation);
            times.Add(watch.Elapsed.TotalMilliseconds);
        }

        var after = await cluster.RunAsync(id, cancellation);
        return after.Generation == before.Generation ? times : throw CliException.Failed($"the coordinator's death ended generation {before.Generation}: {after}");
    }

    /// <summary>Steps of some milliseconds, an epoch of which takes a quarter of a second.</summary>
    private static string RunFile(int min, int max) => string.Create(CultureInfo.InvariantCulture, $$"""
        name: recovery
        workload: image-classifier
        dataset: digits
        model: { architecture: mlp, hidden: [512, 512] }
        training:
          epochs: 100000
          batch_size: 32
          shards: 2
          workers: { min: {{min}}, max: {{max}} }
          optimizer: { name: adamw, learning_rate: 0.0001 }
          checkpoint: { every: 4 epochs, keep_best: 1, keep_last: 1 }
          failures: { lost: 10000 }
        """);

    private sealed record Case(int Min, int Max, bool Spare, bool All, int Rounds);

    /// <summary>Milliseconds.</summary>
    /// <param name="NextStep">From the kill to the last rank's first step.</param>
    /// <param name="Stall">From a survivor's last step before to its first one after.</param>
    /// <param name="Growth">The same when a newcomer joins.</param>
    private sealed record Figures(List<double> NextStep, List<double> Stall, List<double> Growth);
}
