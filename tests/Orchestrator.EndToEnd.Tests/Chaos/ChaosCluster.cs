using System.Text.Json;
using Orchestrator.EndToEnd.Tests.Harness;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests.Chaos;

/// <summary>A cluster that several seeds disturb at a time.</summary>
/// <param name="agents">Of one slot each, started by the coordinator.</param>
/// <param name="say">Hears what is done.</param>
internal sealed class ChaosCluster(Cluster cluster, int agents, Action<string> say) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly ClusterWeb web = new(cluster);
    private readonly SemaphoreSlim coordinator = new(1);

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <returns>Its identifier.</returns>
    public async Task<string> SubmitAsync(string file)
    {
        // While there is a coordinator: a submit that is cut off may have been heard.
        await coordinator.WaitAsync(Cancellation);
        try
        {
            return await web.SubmitRunAsync(file);
        }
        finally
        {
            coordinator.Release();
        }
    }

    /// <summary>Looks at a run until it is as wanted, or has ended.</summary>
    /// <exception cref="TimeoutException">It is not, for too long.</exception>
    public Task<JsonElement> UntilAsync(string run, string what, Func<JsonElement, bool> wanted) => web.UntilRunAsync(run, Patience, what, wanted);

    /// <summary>Lets a fault happen to whoever trains the run, and returns once it is over.</summary>
    public async Task StrikeAsync(int seed, string run, ChaosFault fault)
    {
        var shown = await UntilAsync(run, "somebody to hit", shown => shown.Items("workers").Any(worker => worker.Number("pid") > 0));
        var trainers = shown.Items("workers").Where(worker => worker.Number("pid") > 0).ToArray();
        if (ClusterWeb.HasEnded(shown) || trainers.Length == 0)
        {
            return;
        }

        var victim = trainers[fault.Which % trainers.Length];
        var trainer = victim.Number("pid");
        say($"seed {seed}, {run} at step {shown.Number("step")}, generation {shown.Number("generation")}: {fault.Kind}, rank {victim.Number("rank")}, process {trainer} on {victim.Text("id")}");
        switch (fault.Kind)
        {
            case ChaosKind.KillTrainer:
                Processes.Signal(trainer, Processes.Kill);
                break;
            case ChaosKind.FreezeTrainer:
                await FreezeAsync(trainer, fault.Milliseconds);
                break;
            case ChaosKind.KillAllTrainers:
                Array.ForEach(trainers, worker => Processes.Signal(worker.Number("pid"), Processes.Kill));
                break;
            case ChaosKind.KillAgent when await AgentAsync(victim) is { } agent:
                Processes.Signal(agent, Processes.Kill);
                break;
            case ChaosKind.FreezeAgent when await AgentAsync(victim) is { } agent:
                await FreezeAsync(agent, fault.Milliseconds);
                break;
            case ChaosKind.DrainAgent when await AgentAsync(victim) is { } agent:
                await DrainAsync(agent, victim.Text("id"));
                break;
            case ChaosKind.AddAgent:
                cluster.StartAgent(1, "--no-spare");
                break;
            case ChaosKind.RestartCoordinator:
                await RestartAsync(fault.Milliseconds);
                break;
            case ChaosKind.KillAgent or ChaosKind.FreezeAgent or ChaosKind.DrainAgent:
                say($"seed {seed}: {victim.Text("id")} is gone already");
                break;
        }
    }

    public void Dispose()
    {
        web.Dispose();
        coordinator.Dispose();
    }

    /// <summary>How long it lasts is the fault's, not something that is waited for.</summary>
    private static async Task FreezeAsync(int pid, int milliseconds)
    {
        Processes.Signal(pid, Processes.Stop);
        try
        {
            await Task.Delay(milliseconds, Cancellation);
        }
        finally
        {
            Processes.Signal(pid, Processes.Continue);
        }
    }

    private async Task DrainAsync(int pid, string agent)
    {
        Processes.Signal(pid, Processes.Terminate);
        await Eventually.TrueAsync(async () => (await web.WorkersAsync()).All(worker => worker.Text("id") != agent || worker.Text("state") != "ready"), Patience);
        await Eventually.TrueAsync(() => web.ScaleAsync(agents), Patience);
    }

    private async Task RestartAsync(int milliseconds)
    {
        await coordinator.WaitAsync(Cancellation);
        try
        {
            await cluster.KillCoordinatorAsync();
            await Task.Delay(milliseconds, Cancellation);
            await cluster.UpAsync();
        }
        finally
        {
            coordinator.Release();
        }
    }

    private async Task<int?> AgentAsync(JsonElement worker) =>
        (await web.WorkersAsync()).Where(agent => agent.Text("id") == worker.Text("id") && agent.Text("state") != "lost").Select(agent => (int?)agent.Number("pid")).FirstOrDefault();
}
