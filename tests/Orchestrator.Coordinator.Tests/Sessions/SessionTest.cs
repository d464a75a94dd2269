using Grpc.Core;
using Orchestrator.Coordinator.Tests.Hosting;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Sessions;

/// <summary>A whole coordinator, and agents that a test plays.</summary>
public abstract class SessionTest : IAsyncDisposable
{
    private protected static readonly TimeSpan Patience = RunningCoordinator.Patience;

    private protected TemporaryFolder Folder { get; } = new();
    private protected List<FakeAgent> Agents { get; } = [];
    private protected RunningCoordinator Coordinator { get; private set; } = null!;

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private protected CallInvoker Calls => Coordinator.Grpc.CreateCallInvoker();

    private protected RunService.RunServiceClient Runs => new(Calls);

    public async ValueTask DisposeAsync()
    {
        foreach (var agent in Agents)
        {
            await agent.DisposeAsync();
        }

        await Coordinator.DisposeAsync();
        Folder.Dispose();
    }

    private protected async Task StartAsync(string? token = null) =>
        Coordinator = await RunningCoordinator.StartInAsync(Folder["data"], options => options with { TokenFile = token });

    private protected async Task RestartAsync()
    {
        await Coordinator.DisposeAsync();
        await StartAsync();
    }

    private protected async Task<FakeAgent> AgentAsync(string id, int slots = 1)
    {
        var agent = new FakeAgent(id, slots);
        Agents.Add(agent);
        return await agent.ConnectAsync(Calls);
    }

    private protected static async Task<FakeTask> TaskAsync(FakeAgent agent, int nth = 1)
    {
        await Eventually.TrueAsync(() => agent.Assigned.Count >= nth, Patience);
        return agent.Assigned.ElementAt(nth - 1);
    }

    private protected async Task<string> SubmitAsync(string workers = "{ min: 1, max: 1 }", string failures = "{ lost: 3 }") => (await Runs.SubmitRunAsync(
        new SubmitRunRequest
        {
            File = $$"""
                name: fake
                workload: image-classifier
                dataset: digits
                model: { architecture: mlp, hidden: 8 }
                training: { epochs: 3, batch_size: 64, workers: {{workers}}, failures: {{failures}}, checkpoint: { metric: val_accuracy, goal: maximize } }
                """,
        },
        cancellationToken: Cancellation)).Id;

    private protected async Task<Run> GetAsync(string id) => await Runs.GetRunAsync(new GetRunRequest { Id = id }, cancellationToken: Cancellation);

    private protected async Task<Run> EndedAsync(string id)
    {
        await Eventually.TrueAsync(async () => (await GetAsync(id)).State is "succeeded" or "failed" or "cancelled", Patience);
        return await GetAsync(id);
    }
}
