using System.Text.RegularExpressions;
using Orchestrator.Specs;
using Orchestrator.V1;
using Orchestrator.Worker.Tests.Cluster;

namespace Orchestrator.Worker.Tests;

/// <summary>The warm trainer that an agent keeps in reserve.</summary>
public sealed class SpareTests : IAsyncLifetime
{
    private const int Forever = 100_000;

    private readonly TestFolder folder = new();
    private FakeCoordinator coordinator = null!;
    private AgentProcess agent = null!;

    [Fact]
    public async Task Task_takes_the_trainer_that_waits_and_another_takes_its_place()
    {
        var spare = await SpareAsync();
        await coordinator.RunAsync("run", worldSize: 1, Specs.Digits(Forever));

        Assert.Equal(spare, (await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Ready)).Ready.Pid);
        await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Epoch);
        await Eventually.Holds(() => agent.Trainers.Count == 2, () => "no other is kept in reserve");
    }

    [Fact]
    public async Task Trainer_whose_task_ended_well_serves_the_next_one_with_the_same_bits_and_each_has_its_own_log()
    {
        var fresh = await TrainedAsync("first");
        var again = await TrainedAsync("second");
        var third = await TrainedAsync("third");

        Assert.Equal(fresh.Pid, again.Pid);
        Assert.Equal(fresh.Pid, third.Pid);
        Assert.Equal(fresh.Weights, again.Weights);
        Assert.Equal(fresh.Weights, third.Weights);
        foreach (var run in new[] { "first", "second", "third" })
        {
            // Checkpoints are written beside the epochs that follow.
            await Eventually.Holds(
                () => coordinator.Log.Where(line => line.Run == run).Select(line => Regex.Match(line.Line, "(epoch [0-9]|checkpoint [^ ]+)").Value).Where(word => word.Length > 0).Order(StringComparer.Ordinal)
                    .SequenceEqual([$"checkpoint {run}-23", $"checkpoint {run}-46", "epoch 1", "epoch 2"]),
                () => string.Join('\n', coordinator.Log));
        }
    }

    [Fact]
    public async Task Trainer_whose_task_failed_serves_nobody_else()
    {
        await SpareAsync();
        await coordinator.RunAsync("failing", worldSize: 1, Specs.Own<ThrowingWorkload>());
        var failing = (await coordinator.ReportAsync("failing", 1, 0, Report.ReportOneofCase.Ready)).Ready.Pid;
        await coordinator.ReportAsync("failing", 1, 0, Report.ReportOneofCase.Failed);
        await Eventually.Holds(() => !Processes.Lives(failing), () => "it stays");
    }

    [Fact]
    public async Task Spare_that_was_started_for_other_settings_is_not_taken()
    {
        var spare = await SpareAsync();
        var spec = RunSpec.FromJson(Specs.Digits(Forever));
        await coordinator.RunAsync("run", worldSize: 1, (spec with { Training = spec.Training with { Threads = 2 } }).ToJson());

        Assert.NotEqual(spare, (await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Ready)).Ready.Pid);
        await Eventually.Holds(() => !Processes.Lives(spare), () => "the spare that nobody wants stays");
    }

    [Fact]
    public async Task Spare_that_dies_is_replaced_a_few_times()
    {
        var seen = new HashSet<int>();
        for (var time = 0; time < 3; time++)
        {
            var spare = await SpareAsync();
            Assert.True(seen.Add(spare));
            Processes.Signal(spare, Processes.Kill);
            await Eventually.Holds(() => !Processes.Lives(spare), () => "it was killed");
        }

        await Eventually.Holds(() => agent.Errors.Split("the spare trainer ended").Length == 4, () => agent.Errors);
        Assert.Empty(agent.Trainers);
    }

    [Theory]
    [InlineData(Processes.Kill)]
    [InlineData(Processes.Terminate)]
    public async Task Spare_ends_with_its_agent(int signal)
    {
        var spare = await SpareAsync();
        Processes.Signal(agent.Pid, signal);

        await agent.ExitAsync();
        await Eventually.Holds(() => !Processes.Lives(spare), () => "the spare outlives its agent");
    }

    public async ValueTask InitializeAsync()
    {
        coordinator = await FakeCoordinator.StartAsync();
        agent = new AgentProcess(coordinator.Address, folder.Path);
    }

    public async ValueTask DisposeAsync()
    {
        agent.Dispose();
        await coordinator.DisposeAsync();
        folder.Dispose();
    }

    /// <summary>Trains two epochs, and returns once the agent has done with the task: its trainer is in reserve by then.</summary>
    private async Task<(int Pid, string Weights)> TrainedAsync(string run)
    {
        await coordinator.RunAsync(run, worldSize: 1, Specs.Digits(epochs: 2));
        var pid = (await coordinator.ReportAsync(run, 1, 0, Report.ReportOneofCase.Ready)).Ready.Pid;
        var ended = await coordinator.ReportAsync(run, 1, 0, Report.ReportOneofCase.Ended);
        // An earlier heartbeat may know nothing of a task as short as this one.
        var heard = coordinator.Heartbeats.Count;
        await Eventually.Holds(() => coordinator.Heartbeats.Skip(heard).Any(heartbeat => heartbeat.Tasks.Count == 0), () => $"{coordinator.Heartbeats.Last()}");
        return (pid, ended.Ended.WeightsHash);
    }

    private async Task<int> SpareAsync()
    {
        await Eventually.Holds(() => agent.Trainers.Count == 1, () => $"there is no spare: {agent.Errors}");
        return agent.Trainers.Single();
    }
}
