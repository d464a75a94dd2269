using Orchestrator.V1;
using Orchestrator.Worker.Tests.Cluster;

namespace Orchestrator.Worker.Tests;

/// <summary>Trainers that want more memory than there is.</summary>
public sealed class MemoryTests : IAsyncLifetime
{
    private readonly TestFolder folder = new();
    private FakeCoordinator coordinator = null!;

    [Fact]
    public async Task An_allocation_that_is_refused_is_out_of_memory_and_says_how_much_was_asked_for()
    {
        using var agent = new AgentProcess(coordinator.Address, folder.Path, "--no-spare");

        // 2^20 by 2^20 weights of four bytes.
        var failed = await FailedAsync(Specs.Wide(1 << 20, 1 << 20));

        Assert.Equal("out-of-memory", failed.Kind);
        Assert.StartsWith("4 TiB more (4398046511104 bytes) were asked for", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_trainer_that_the_kernel_kills_for_memory_is_out_of_memory_and_what_it_had_is_said()
    {
        using var limit = MemoryLimit.TryMake(700L << 20);
        using var agent = new AgentProcess(coordinator.Address, folder.Path, limit, "--no-spare");

        var failed = await FailedAsync(limit is null ? Specs.Wide(1 << 20, 1 << 20) : Specs.Wide(20_000, 8_000));

        Assert.Equal("out-of-memory", failed.Kind);
        if (limit is not null)
        {
            Assert.StartsWith("the kernel killed the trainer for want of memory: it had ", failed.Message, StringComparison.Ordinal);
            Assert.EndsWith($"its control group {limit.Name} allows 700 MiB", failed.Message, StringComparison.Ordinal);
        }
    }

    public async ValueTask InitializeAsync() => coordinator = await FakeCoordinator.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await coordinator.DisposeAsync();
        folder.Dispose();
    }

    private async Task<TaskFailed> FailedAsync(string spec)
    {
        await coordinator.SendAsync(new CoordinatorMessage { Assign = coordinator.Assignment("run", 0, 1, spec) });
        return (await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Failed)).Failed;
    }
}
