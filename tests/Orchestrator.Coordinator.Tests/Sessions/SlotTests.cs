using Grpc.Core;
using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Sessions;
using Orchestrator.Coordinator.Tests.Hosting;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Sessions;

/// <summary>A slot is somebody else's only once the journal says that it is nobody's.</summary>
public sealed class SlotTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = RunningCoordinator.Patience;
    private static readonly SlotId[] Slot = [new("a", 0)];

    private readonly FakeAgent agent = new("a");
    private RunningCoordinator coordinator = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private RunService.RunServiceClient Runs => new(coordinator.Grpc);

    public async ValueTask InitializeAsync()
    {
        coordinator = await RunningCoordinator.StartAsync();
        await agent.ConnectAsync(coordinator.Grpc.CreateCallInvoker());
    }

    public async ValueTask DisposeAsync()
    {
        await agent.DisposeAsync();
        await coordinator.DisposeAsync();
    }

    [Fact]
    public async Task An_end_that_overtook_its_epochs_leaves_the_slot_to_its_task()
    {
        var first = await SubmitAsync();
        await Eventually.TrueAsync(() => agent.Assigned.Count == 1, Patience);
        var task = agent.Assigned.Single();
        agent.Ready(task);
        await task.Begun;

        agent.End(task, 3);
        await SubmitAsync();

        await Eventually.TrueAsync(() => agent.Assigned.Count == 2, Patience);
        var run = await Runs.GetRunAsync(new GetRunRequest { Id = first }, cancellationToken: Cancellation);
        Assert.Equal("lost", Assert.Single(run.Failures).Kind);
    }

    [Fact]
    public async Task A_slot_that_is_claimed_for_a_placement_stays_claimed_when_its_agent_is_lost()
    {
        var directory = coordinator.Get<AgentDirectory>();
        Assert.True(directory.TryClaim("first", Slot));

        await coordinator.Get<AgentWatch>().LoseAsync("a", "the test says so", Cancellation);
        await agent.ConnectAsync(coordinator.Grpc.CreateCallInvoker());

        Assert.False(directory.TryClaim("second", Slot));
        directory.Unclaim("first", Slot);
        Assert.True(directory.TryClaim("second", Slot));
    }

    private async Task<string> SubmitAsync() => (await Runs.SubmitRunAsync(
        new SubmitRunRequest
        {
            File = """
                name: fake
                workload: image-classifier
                dataset: digits
                model: { architecture: mlp, hidden: 8 }
                training: { epochs: 3, batch_size: 64, workers: { min: 1, max: 1 }, failures: { lost: 3 } }
                """,
        },
        cancellationToken: Cancellation)).Id;
}
