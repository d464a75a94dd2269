using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.V1;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Bench.Recovery;

/// <summary>
/// <c>orch bench recovery</c>: processes of real clusters are killed, frozen and cut off, and the trainers' own clocks say how long it took until the next step. The peer is what is usual: the whole gang is
/// started anew from the last checkpoint, once with our own trainers, and where ORCH_BENCH_PYTHON names a Python with torch also with torchrun.
/// </summary>
internal static class RecoveryBench
{
    private const string PythonVariable = "ORCH_BENCH_PYTHON";
    private const int Agents = 2;

    /// <summary>No step waits for a coordinator that starts again.</summary>
    private const int CoordinatorRounds = 3;

    /// <summary>A step, and what a newcomer has still to do beside it.</summary>
    private const int SettlingSteps = 20;

    public static Command Build(Shell shell) => new Command("recovery", "From a kill, a freeze or a cut to the next step, against starting the whole gang anew from its checkpoint")
        .With(Number("--rounds", "kills beside a survivor, and of the only one; half as many of each other kind", 10, 1, 1000))
        .With(Number("--seeds", "instead, play so many schedules of kills, freezes, cuts, drains, joins and restarts, and hold each run against one that nothing happened to", 0, 0, 1_000_000))
        .With(Number("--first-seed", "the first of them", 0, 0, 1_000_000_000))
        .WithOutput()
        .Does((parsed, cancellation) => RunAsync(shell, parsed, cancellation));

    private static async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var progress = ProgressLine.On(shell, parsed.Json(), "");
        try
        {
            if (parsed.GetValue<int>("--seeds") is > 0 and var seeds)
            {
                return await PlayAsync(shell, Enumerable.Range(parsed.GetValue<int>("--first-seed"), seeds), parsed.Json(), progress, cancellation);
            }

            var rows = await MeasureAsync(shell, parsed.GetValue<int>("--rounds"), progress.Say, cancellation);
            progress.Clear();
            BenchRow.Print(shell, "recovery", rows, parsed.Json());
            return ExitCode.Done;
        }
        finally
        {
            progress.Clear();
        }
    }

    /// <summary>Says what is wrong as soon as it is known: there may be hours to come.</summary>
    private static async Task<int> PlayAsync(Shell shell, IEnumerable<int> seeds, bool json, ProgressLine progress, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(shell, ChaosPlay.Agents, spare: true, cancellation);
        var play = new ChaosPlay(cluster, progress.Say);
        var results = new List<ChaosResult>();
        try
        {
            foreach (var seed in seeds)
            {
                results.Add(await play.PlayAsync(ChaosSchedule.Of(seed), cancellation));
                if (results[^1] is { Wrong: { } wrong } failed)
                {
                    progress.Clear();
                    await shell.Error.WriteLineAsync($"{failed.Schedule}\n  {wrong}");
                }
            }
        }
        finally
        {
            // Of those that were played before somebody had enough, too.
            progress.Clear();
            if (results.Count > 0)
            {
                ChaosReport.Print(shell, results, json);
            }
        }

        return results.Exists(result => result.Wrong is not null) ? ExitCode.Failed : ExitCode.Done;
    }

    private static async Task<IReadOnlyList<BenchRow>> MeasureAsync(Shell shell, int rounds, Action<string> say, CancellationToken cancellation)
    {
        say("the whole gang, anew");
        var (gang, coordinator) = await PlainAsync(shell, (rounds + 1) / 2, cancellation);
        await using var cluster = await BenchCluster.StartAsync(shell, Agents, spare: true, cancellation);
        Task<Figures> Strikes(string what, Blow blow, int min, int max, int times)
        {
            say(what);
            return StrikeAsync(cluster, new Case(blow, min, max, Spare: true, times), cancellation);
        }

        var half = (rounds + 1) / 2;
        var killed = await Strikes("one of two killed", Blow.Kill, 1, 2, rounds);
        var frozen = await Strikes("one of two frozen", Blow.Freeze, 1, 2, half);
        var cut = await Strikes("one of two cut off", Blow.Cut, 1, 2, half);
        var spared = await Strikes("one of two killed, a spare steps in", Blow.Kill, 2, 2, half);
        var only = await Strikes("the only one killed, a spare steps in", Blow.KillAll, 1, 1, rounds);
        IReadOnlyList<double> torchrun = [];
        if (shell.Variable(PythonVariable) is { Length: > 0 } python)
        {
            say("torchrun");
            torchrun = await PeerAsync(shell, python, half, cancellation);
        }

        var (peer, name) = torchrun.Count > 0 ? (torchrun, "torchrun") : (gang, "whole gang anew");
        BenchRow Row(string what, IReadOnlyList<double> ours) => BenchRow.Of(what, ours, peer, "ms", moreIsBetter: false) with { Best = ours.Min(), Worst = ours.Max() };
        return
        [
            Row($"one of two trainers killed, min 1: next step (peer: {name})", killed.NextStep),
            Row("one of two frozen, min 1: next step", frozen.NextStep),
            Row("one of two cut off with its agent, min 1: next step", cut.NextStep),
            Row("one of two killed, min 2, warm spare: next step", spared.NextStep),
            Row("the only one killed, warm spare: next step from the checkpoint", only.NextStep),
            Row("both killed, no spare: the whole gang anew from the checkpoint", gang),
            Row("a worker joins: the other stands still", [.. killed.Growth, .. frozen.Growth, .. cut.Growth]),
            Row("coordinator killed and started again: it hears of a step (trainers go on)", coordinator),
        ];
    }

    /// <summary>What was measured so far is not lost over a peer that does not run.</summary>
    private static async Task<IReadOnlyList<double>> PeerAsync(Shell shell, string python, int rounds, CancellationToken cancellation)
    {
        try
        {
            return await TorchElastic.MeasureAsync(python, rounds, cancellation);
        }
        catch (CliException failure)
        {
            await shell.Error.WriteLineAsync($"warning: {failure.Message}");
            return [];
        }
    }

    /// <summary>Without spares: the whole gang is killed, and then the coordinator.</summary>
    private static async Task<(IReadOnlyList<double> Gang, IReadOnlyList<double> Coordinator)> PlainAsync(Shell shell, int rounds, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(shell, Agents, spare: false, cancellation);
        var gang = await StrikeAsync(cluster, new Case(Blow.KillAll, 2, 2, Spare: false, rounds), cancellation);
        var id = await cluster.SubmitAsync(RunFile(2, 2), cancellation);
        var before = await cluster.UntilTrainingAsync(id, 2, SettlingSteps, cancellation);
        var times = new List<double>();
        for (var round = 0; round < Math.Min(rounds, CoordinatorRounds); round++)
        {
            var watch = Stopwatch.StartNew();
            await cluster.RestartCoordinatorAsync(id, cancellation);
            times.Add(watch.Elapsed.TotalMilliseconds);
        }

        var after = await cluster.RunAsync(id, cancellation);
        return after.Generation == before.Generation ? (gang.NextStep, times) : throw CliException.Failed($"the coordinator's death ended generation {before.Generation}: {after}");
    }

    /// <summary>Strikes at a run's trainers again and again, each time once all are back.</summary>
    private static async Task<Figures> StrikeAsync(BenchCluster cluster, Case @case, CancellationToken cancellation)
    {
        var id = await cluster.SubmitAsync(RunFile(@case.Min, @case.Max), cancellation);
        var figures = new Figures([], []);
        for (var round = 0; round < @case.Rounds; round++)
        {
            if (@case.Spare)
            {
                await cluster.UntilSparesAsync(cancellation);
            }

            var run = await cluster.UntilTrainingAsync(id, @case.Max, SettlingSteps, cancellation);
            RunWorker[] victims = [.. run.Workers.Where(worker => @case.Blow is Blow.KillAll || worker.Rank == round % @case.Max)];
            int[] survivors = [.. run.Workers.Except(victims).Select(worker => worker.Pid)];
            var agent = @case.Blow is Blow.Cut ? await cluster.AgentOfAsync(victims[0], cancellation) : 0;
            var struck = DateTimeOffset.UtcNow;
            Strike(@case.Blow, victims, agent);
            var next = await cluster.StandstillsAsync(id, struck, run.Generation + 1, cancellation);
            figures.NextStep.Add((next.Max(span => span.End) - struck).TotalMilliseconds);
            if (agent > 0)
            {
                Programs.ThawSession(agent);
            }

            if (next[0].WorldSize < @case.Max)
            {
                // It grows again.
                var grown = await cluster.StandstillsAsync(id, struck, next[0].Generation + 1, cancellation);
                figures.Growth.AddRange(grown.Where(span => survivors.Contains(span.Pid)).Select(span => span.Milliseconds));
            }
        }

        await cluster.CancelAsync(id, cancellation);
        return figures;
    }

    private static void Strike(Blow blow, IReadOnlyList<RunWorker> victims, int agent)
    {
        switch (blow)
        {
            case Blow.Kill or Blow.KillAll:
                foreach (var victim in victims)
                {
                    Programs.Kill(victim.Pid);
                }

                break;
            case Blow.Freeze:
                Programs.Freeze(victims[0].Pid);
                break;
            case Blow.Cut:
                Programs.FreezeSession(agent);
                break;
        }
    }

    /// <summary>Steps of some milliseconds; hours of them.</summary>
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
          failures: { lost: 10000, hung: 10000 }
        """);

    private enum Blow
    {
        Kill,

        /// <summary>Every trainer of the run.</summary>
        KillAll,

        /// <summary>SIGSTOP: its agent sees that, and ends it.</summary>
        Freeze,

        /// <summary>SIGSTOP for its agent and all that the agent started: nobody tells, as where a network is cut.</summary>
        Cut,
    }

    private sealed record Case(Blow Blow, int Min, int Max, bool Spare, int Rounds);

    /// <summary>Milliseconds.</summary>
    /// <param name="NextStep">From the blow to the last rank's first step.</param>
    /// <param name="Growth">From a survivor's last step to its first one beside a newcomer.</param>
    private sealed record Figures(List<double> NextStep, List<double> Growth);
}
