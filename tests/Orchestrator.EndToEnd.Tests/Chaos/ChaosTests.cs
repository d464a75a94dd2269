using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests.Chaos;

/// <summary>
/// Runs on real processes that die, freeze, thaw, drain, join and restart as seeds decide, several at a time on one cluster; each is held against its undisturbed twin. <c>ORCH_SEEDS=A-B</c> plays others than the first ones. Which
/// step a fault meets is up to the machine: a seed that failed is likely to fail again, not sure to.
/// </summary>
public sealed class ChaosTests : ClusterTest
{
    private const int Seeds = 12;
    private const int AtATime = 3;
    private const int Agents = 7;

    private readonly ConcurrentQueue<string> history = new();
    private readonly long began = Stopwatch.GetTimestamp();

    [Fact(Timeout = 1_200_000)]
    public async Task Whatever_happens_to_them_runs_end_with_the_bits_of_those_that_nothing_happened_to()
    {
        var cluster = await UpAsync("--workers", Agents.ToString(CultureInfo.InvariantCulture));
        var twins = new JsonElement[ChaosFiles.Count];
        for (var file = 0; file < twins.Length; file++)
        {
            twins[file] = (await cluster.Orch.JsonAsync("run", "local", cluster.Write("twin.yaml", ChaosFiles.Text(file, 1, 1, gate: null)), "--data-dir", cluster["local"])).Json();
        }

        using var chaos = new ChaosCluster(cluster, Agents, Say);
        var failures = new ConcurrentQueue<string>();
        var (first, end) = Range();
        await Parallel.ForEachAsync(Enumerable.Range(first, end - first), new ParallelOptions { MaxDegreeOfParallelism = AtATime, CancellationToken = ChaosCluster.Cancellation }, async (seed, _) =>
        {
            var schedule = ChaosSchedule.Of(seed);
            try
            {
                await PlayAsync(cluster, chaos, schedule, twins[schedule.File]);
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                Say($"seed {seed} fails");
                failures.Enqueue($"{schedule}\n{failure.Message}");
            }
        });

        TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', history));
        Assert.True(failures.IsEmpty, $"{failures.Count} of {end - first} fail (ORCH_SEEDS={first}-{end})\n{string.Join("\n\n", failures)}");
        (await cluster.Orch.RunAsync("down")).Succeeded();
        int[] left = [];
        for (var patience = DateTime.UtcNow.AddSeconds(60); DateTime.UtcNow < patience && (left = [.. cluster.Orch.Processes.Where(pid => !IsAdded(pid))]).Length > 0;)
        {
            await Task.Delay(100, ChaosCluster.Cancellation);
        }

        Assert.Empty(left.Select(Processes.CommandLine));
    }

    [Fact(Timeout = 300_000)]
    public async Task The_bench_of_recovery_plays_schedules_and_finds_no_difference()
    {
        var bench = (await Prepare().Orch.JsonAsync("bench", "recovery", "--seeds", "2")).Json();

        Assert.Equal(2, bench.Number("seeds"));
        Assert.InRange(bench.Number("struck"), 1, 6);
        Assert.Empty(bench.Items("failed"));
    }

    /// <summary>Agents that dialled in by themselves are nobody's to end; they have no trainer left but go on dialling.</summary>
    private static bool IsAdded(int pid) => Processes.CommandLine(pid).Contains("--no-spare", StringComparison.Ordinal);

    private async Task PlayAsync(Cluster cluster, ChaosCluster chaos, ChaosSchedule schedule, JsonElement twin)
    {
        var gate = cluster[$"go-{schedule.Seed.ToString(CultureInfo.InvariantCulture)}"];
        var id = await chaos.SubmitAsync(ChaosFiles.Text(schedule.File, schedule.Min, schedule.Max, gate));
        Say($"{schedule} is {id}");
        foreach (var (fault, index) in schedule.Faults.Select((fault, index) => (fault, index)))
        {
            await ProgressAsync(chaos, id, schedule, fault.Steps);
            if (schedule.AtTheEnd is { } late && index == schedule.Faults.Count - 1)
            {
                await LetGoAsync(gate);
                await Task.Delay(late, ChaosCluster.Cancellation);
            }

            await chaos.StrikeAsync(schedule.Seed, id, fault);
        }

        await LetGoAsync(gate);
        var run = await chaos.UntilAsync(id, "its end", ClusterWeb.HasEnded);
        Say($"seed {schedule.Seed}, {id}: {run.Text("state")} in generation {run.Number("generation")}, {run.Number("stepsLost")} steps lost");
        Check(schedule, run, twin);
    }

    /// <summary>So many steps of a generation that has two trainers or more, none of them a newcomer without state: each has told how long its shards took. When in haste, of whatever there is.</summary>
    private static async Task ProgressAsync(ChaosCluster chaos, string id, ChaosSchedule schedule, int steps)
    {
        var (generation, from) = (-1, 0);
        await chaos.UntilAsync(id, $"{steps} steps", run =>
        {
            var (now, step) = (schedule.Hasty ? 0 : run.Number("generation"), run.Number("step"));
            if (now != generation)
            {
                (generation, from) = (now, step);
            }

            return step >= from + (schedule.Hasty ? steps - 1 : steps + 1)
                && (schedule.Hasty || (run.Number("worldSize") > 1 && run.Items("workers").All(worker => worker.GetProperty("shardSeconds").GetDouble() > 0)));
        });
    }

    private static Task LetGoAsync(string gate) => File.WriteAllTextAsync(gate, "", ChaosCluster.Cancellation);

    private static void Check(ChaosSchedule schedule, JsonElement run, JsonElement twin)
    {
        Assert.True(run.Text("state") == "succeeded", $"{run}");
        Assert.True(run.Text("weightsHash") == twin.Text("weightsHash"), $"other bits than {twin.Text("weightsHash")}: {run}");
        Assert.True(run.Number("samplesPerEpoch") == twin.Number("samplesPerEpoch"), $"other samples: {run}");
        Assert.True(run.Items("history").Select(epoch => epoch.Number("epoch")).SequenceEqual(Enumerable.Range(1, run.Number("epochsPlanned"))), $"other epochs: {run}");
        Assert.True(run.Number("step") == run.Number("stepsPlanned"), $"other steps: {run}");
        Assert.True(schedule.Hasty || run.Number("stepsLost") == 0, $"steps are lost: {run}");
        Assert.True(run.Items("failures").All(failure => failure.Text("kind") is "lost" or "preempted" or "hung"), $"other failures: {run}");
    }

    private void Say(string line) => history.Enqueue(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(began).TotalSeconds:0.000} s: {line}"));

    private static (int First, int End) Range() =>
        Environment.GetEnvironmentVariable("ORCH_SEEDS")?.Split('-') is [var first, var end] ? (int.Parse(first, CultureInfo.InvariantCulture), int.Parse(end, CultureInfo.InvariantCulture)) : (0, Seeds);
}
