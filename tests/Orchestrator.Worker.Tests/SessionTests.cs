using Orchestrator.V1;
using Orchestrator.Worker.Agent.Session;
using Orchestrator.Worker.Tests.Cluster;

namespace Orchestrator.Worker.Tests;

public sealed class SessionTests : IDisposable
{
    private readonly TestFolder folder = new();

    [Fact]
    public async Task Agent_introduces_itself_with_an_identity_that_it_keeps()
    {
        await using var coordinator = await FakeCoordinator.StartAsync();
        using (var first = new AgentProcess(coordinator.Address, folder.Path, "--slots", "3", "--embedded"))
        {
            await Eventually.Holds(() => coordinator.Registers.Count == 1, () => first.Errors);
            await coordinator.SendAsync(new CoordinatorMessage { Shutdown = new ShutdownAgent() });
            Assert.Equal(0, await first.ExitAsync());
        }

        using var second = new AgentProcess(coordinator.Address, folder.Path);
        await Eventually.Holds(() => coordinator.Registers.Count == 2, () => second.Errors);

        var registers = coordinator.Registers.ToArray();
        Assert.Equal(registers[0].AgentId, registers[1].AgentId);
        Assert.Equal(["cpu", "cpu", "cpu"], registers[0].Devices);
        Assert.True(registers[0].Embedded);
        Assert.Equal(("127.0.0.1", "0.1.0", second.Pid), (registers[1].Advertise, registers[1].Version, registers[1].Pid));
    }

    [Fact]
    public async Task Coordinator_that_comes_back_hears_what_runs_and_what_it_did_not_acknowledge()
    {
        await using var coordinator = await FakeCoordinator.StartAsync();
        using var agent = new AgentProcess(coordinator.Address, folder.Path, "--slots", "2", "--no-spare");
        coordinator.Acknowledges = false;
        await coordinator.RunAsync("run", worldSize: 2, Specs.Digits(epochs: 100_000));
        await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Epoch);
        var trainers = agent.Trainers;

        await coordinator.StopAsync();
        coordinator.Acknowledges = true;
        var before = coordinator.Received.Count;
        await coordinator.ListenAsync();
        await Eventually.Holds(() => coordinator.Registers.Count >= 2, () => agent.Errors);
        var announced = coordinator.Registers.Last();
        await coordinator.SendAsync(new CoordinatorMessage { Stop = new StopTask { Task = new TaskId { Run = "run", Generation = 1, Rank = 0 }, Gracefully = true } });
        var ended = (await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Ended)).Ended;
        await coordinator.ReportAsync("run", 1, 1, Report.ReportOneofCase.Ended);
        var reports = coordinator.Reports;

        Assert.Equal([0, 1], announced.Tasks.Select(task => task.Rank).Order());
        Assert.All(announced.Tasks, task => Assert.Equal(("run", 1, "training"), (task.Run, task.Generation, task.State)));
        Assert.Equal(trainers.Order(), announced.Tasks.Select(task => task.Pid).Order());
        Assert.Equal(coordinator.Registers.First().AgentId, announced.AgentId);
        Assert.All(announced.Tasks, task => Assert.Contains("127.0.0.1:", task.PeerAddress, StringComparison.Ordinal));
        // Acknowledged up to what it had; what was on the way came again, and nothing is missing.
        Assert.True(coordinator.Received.Count > before);
        Assert.Equal(Enumerable.Range(1, reports.Count).Select(number => (ulong)number), reports.Select(report => report.Sequence));
        Assert.Equal(Enumerable.Range(1, ended.Epoch), reports.Where(report => report.Epoch is not null).Select(report => report.Epoch.Epoch));
    }

    [Fact]
    public async Task Unacknowledged_reports_outlive_the_agent()
    {
        await using var coordinator = await FakeCoordinator.StartAsync();
        coordinator.Acknowledges = false;
        using (var agent = new AgentProcess(coordinator.Address, folder.Path))
        {
            await coordinator.RunAsync("run", worldSize: 1, Specs.Digits(epochs: 2));
            await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Ended);
            Processes.Signal(agent.Pid, Processes.Kill);
            await agent.ExitAsync();
        }

        var before = coordinator.Received;
        using var next = new AgentProcess(coordinator.Address, folder.Path);
        await Eventually.Holds(() => coordinator.Received.Count == 2 * before.Count, () => next.Errors);

        // A trainer that died with its agent is not ready any more.
        Assert.Equal(before.Select(report => InheritedReport.Of(report.Clone())), coordinator.Received.Skip(before.Count));
    }

    [Fact]
    public async Task Wrong_token_ends_the_agent_with_one_line()
    {
        await using var coordinator = await FakeCoordinator.StartAsync(token: "right");
        await File.WriteAllTextAsync(folder.In("token"), "wrong", TestContext.Current.CancellationToken);
        using var refused = new AgentProcess(coordinator.Address, folder.In("agent"), "--token-file", folder.In("token"));

        Assert.Equal(4, await refused.ExitAsync());
        await Eventually.Holds(() => refused.Errors.Contains("--token-file", StringComparison.Ordinal), () => refused.Errors);
        Assert.Single(refused.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));

        await File.WriteAllTextAsync(folder.In("token"), "right\n", TestContext.Current.CancellationToken);
        using var taken = new AgentProcess(coordinator.Address, folder.In("agent"), "--token-file", folder.In("token"));
        await Eventually.Holds(() => coordinator.Registers.Count == 1, () => taken.Errors);
    }

    [Fact]
    public async Task Second_agent_on_one_folder_is_refused()
    {
        await using var coordinator = await FakeCoordinator.StartAsync();
        using var first = new AgentProcess(coordinator.Address, folder.Path);
        await Eventually.Holds(() => coordinator.Registers.Count == 1, () => first.Errors);
        using var second = new AgentProcess(coordinator.Address, folder.Path);

        Assert.Equal(2, await second.ExitAsync());
        await Eventually.Holds(() => second.Errors.Contains("--data-dir", StringComparison.Ordinal), () => second.Errors);
    }

    [Theory]
    [InlineData("--slots", "0")]
    [InlineData("--device", "tpu")]
    [InlineData("--peer-ports", "9-1")]
    [InlineData("--coordinator", "nowhere")]
    [InlineData("--bogus", "1")]
    public async Task Bad_flags_are_one_line_and_exit_code_2(string flag, string value)
    {
        using var agent = new AgentProcess("127.0.0.1:1", folder.Path, flag, value);

        Assert.Equal(2, await agent.ExitAsync());
        await Eventually.Holds(() => agent.Errors.Contains(flag, StringComparison.Ordinal), () => agent.Errors);
        Assert.Single(agent.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    public void Dispose() => folder.Dispose();
}
