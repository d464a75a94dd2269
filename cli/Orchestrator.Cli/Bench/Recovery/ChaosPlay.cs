using System.Globalization;
using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Terminal;
using Orchestrator.V1;

namespace Orchestrator.Cli.Bench.Recovery;

/// <summary>What came of a schedule.</summary>
/// <param name="Struck">Faults that met the run: the others came when it had ended.</param>
/// <param name="Wrong">Null where the run ended as its undisturbed twin.</param>
internal sealed record ChaosResult(ChaosSchedule Schedule, int Struck, string? Wrong);

/// <summary>Plays schedules, one after the other, on a cluster of real processes; every run is held against a twin on one worker that nothing happens to. Which step a fault meets is up to the machine.</summary>
internal sealed class ChaosPlay(BenchCluster cluster, Action<string> say)
{
    /// <summary>Of one slot each: as many as a run can use, and one to replace another.</summary>
    public const int Agents = 4;

    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(10);

    private readonly Dictionary<int, Run> twins = [];

    public async Task<ChaosResult> PlayAsync(ChaosSchedule schedule, CancellationToken cancellation)
    {
        try
        {
            await cluster.KeepAsync(Agents, cancellation);
            if (!twins.TryGetValue(schedule.File, out var twin))
            {
                say("the undisturbed twin");
                twins[schedule.File] = twin = await cluster.EndAsync(await cluster.SubmitAsync(ChaosFiles.Text(schedule.File, 1, 1), cancellation), cancellation);
            }

            var id = await cluster.SubmitAsync(ChaosFiles.Text(schedule.File, schedule.Min, schedule.Max), cancellation);
            var struck = 0;
            foreach (var fault in schedule.Faults)
            {
                say($"seed {schedule.Seed.ToString(CultureInfo.InvariantCulture)}: {fault}");
                struck += await StrikeAsync(id, fault, schedule, cancellation) ? 1 : 0;
            }

            return new ChaosResult(schedule, struck, Difference(schedule, await cluster.EndAsync(id, cancellation), twin));
        }
        catch (CliException failure)
        {
            return new ChaosResult(schedule, 0, failure.Message);
        }
    }

    /// <returns>Null where there is none.</returns>
    internal static string? Difference(ChaosSchedule schedule, Run run, Run twin)
    {
        var kinds = run.Failures.Select(failure => failure.Kind).Except(["lost", "preempted", "hung"]).ToArray();
        return run.State != "succeeded" ? $"the run {run.State}: {run.Message}"
            : run.WeightsHash != twin.WeightsHash ? $"other bits: weights {run.WeightsHash} instead of {twin.WeightsHash}"
            : run.SamplesPerEpoch != twin.SamplesPerEpoch || run.LedgerHash != twin.LedgerHash ? $"other samples: {run.SamplesPerEpoch} with ledger {run.LedgerHash} instead of {twin.SamplesPerEpoch} with {twin.LedgerHash}"
            : !run.History.Select(epoch => epoch.Epoch).SequenceEqual(Enumerable.Range(1, run.EpochsPlanned)) ? $"other epochs: {string.Join(' ', run.History.Select(epoch => epoch.Epoch))}"
            : run.Step != run.StepsPlanned ? $"{run.Step} steps instead of {run.StepsPlanned}"
            : !schedule.Hasty && run.StepsLost > 0 ? $"{run.StepsLost} steps lost"
            : kinds.Length > 0 ? $"failures of the kind {string.Join(", ", kinds)}"
            : null;
    }

    /// <summary>Lets a fault happen to whoever trains the run, and returns once it is over.</summary>
    /// <returns>False where the run had ended before.</returns>
    private async Task<bool> StrikeAsync(string id, ChaosFault fault, ChaosSchedule schedule, CancellationToken cancellation)
    {
        Run? run = null;
        await BenchCluster.UntilAsync("a step of the run", async () => IsOver(run = await cluster.RunAsync(id, cancellation)) || (run.Step >= fault.Step && IsReady(run, schedule)), cancellation, Glance);
        if (IsOver(run!) || run!.Workers.Where(worker => worker.Pid > 0).ToArray() is not { Length: > 0 } trainers)
        {
            return false;
        }

        var victim = trainers[fault.Which % trainers.Length];
        switch (fault.Kind)
        {
            case ChaosKind.KillTrainer:
                Programs.Kill(victim.Pid);
                return true;
            case ChaosKind.KillAllTrainers:
                Array.ForEach(trainers, trainer => Programs.Kill(trainer.Pid));
                return true;
            case ChaosKind.FreezeTrainer:
                await ForAWhileAsync(fault, () => Programs.Freeze(victim.Pid), () => Programs.Thaw(victim.Pid), cancellation);
                return true;
            case ChaosKind.AddAgent:
                cluster.AddAgent();
                return true;
            case ChaosKind.RestartCoordinator:
                await cluster.RestartCoordinatorAsync(TimeSpan.FromMilliseconds(fault.Milliseconds), cancellation);
                return true;
        }

        if (await cluster.FindAgentAsync(victim, cancellation) is not { } agent)
        {
            return false;
        }

        switch (fault.Kind)
        {
            case ChaosKind.KillAgent:
                Programs.Kill(agent);
                cluster.AddAgent();
                break;
            case ChaosKind.DrainAgent:
                cluster.Drain(agent);
                cluster.AddAgent();
                break;
            case ChaosKind.FreezeAgent:
                await ForAWhileAsync(fault, () => Programs.Freeze(agent), () => Programs.Thaw(agent), cancellation);
                break;
            case ChaosKind.CutOff:
                await ForAWhileAsync(fault, () => Programs.FreezeSession(agent), () => Programs.ThawSession(agent), cancellation);
                break;
        }

        return true;
    }

    private static bool IsOver(Run run) => run.State is not ("pending" or "running");

    /// <summary>Unless in haste: two trainers or more, none of them a newcomer without the state. Each has told how long its shards took.</summary>
    private static bool IsReady(Run run, ChaosSchedule schedule) => schedule.Hasty
        ? run.Workers.Any(worker => worker.Pid > 0)
        : run.WorldSize > 1 && run.Workers.All(worker => worker is { Pid: > 0, ShardSeconds: > 0 });

    private static async Task ForAWhileAsync(ChaosFault fault, Action begin, Action end, CancellationToken cancellation)
    {
        begin();
        try
        {
            await Task.Delay(fault.Milliseconds, cancellation);
        }
        finally
        {
            end();
        }
    }
}
