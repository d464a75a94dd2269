using Orchestrator.V1;
using Orchestrator.Worker.Tests.Cluster;

namespace Orchestrator.Worker.Tests;

/// <summary>How trainers and agents end, and what is said of it.</summary>
public sealed class EndTests : IAsyncLifetime
{
    private const int Forever = 100_000;

    private readonly TestFolder folder = new();
    private FakeCoordinator coordinator = null!;
    private AgentProcess agent = null!;

    [Fact]
    public async Task Trainer_that_was_killed_is_lost()
    {
        await TrainAsync();
        Processes.Signal(agent.Trainers.Single(), Processes.Kill);

        var failed = (await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Failed)).Failed;
        Assert.Equal(("lost", -1), (failed.Kind, failed.SuspectRank));
        Assert.Contains("SIGKILL", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Survivor_of_a_gang_says_whom_it_lost_keeps_its_state_and_goes_on_as_it_is_told()
    {
        await coordinator.RunAsync("run", worldSize: 2, Specs.Digits(Forever));
        await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Epoch);
        var (survivor, victim) = (await ReadyAsync(0), await ReadyAsync(1));
        Processes.Signal(victim.Pid, Processes.Kill);

        Assert.Equal("lost", (await coordinator.ReportAsync("run", 1, 1, Report.ReportOneofCase.Failed)).Failed.Kind);
        var interrupted = (await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Interrupted)).Interrupted;
        Assert.Equal((1, 1), (interrupted.Generation, interrupted.SuspectRank));

        var begin = new BeginGeneration
        {
            Run = "run",
            Generation = 2,
            Key = Google.Protobuf.ByteString.CopyFrom(new byte[32]),
            Peers = { survivor.PeerAddress },
            Task = new TaskId { Run = "run", Generation = 1, Rank = 0 },
            Shards = { new ShardRange { First = 0, End = 4 } },
        };
        await coordinator.SendAsync(new CoordinatorMessage { Begin = begin });
        await Eventually.Holds(
            () => coordinator.Reports.Where(report => report.Epoch is not null).Any(report => report.Epoch.Step > interrupted.AppliedStep + 100), () => "it does not go on");

        Assert.Equal([survivor.Pid], agent.Trainers);
        // Every epoch once, though all were told again to a coordinator that says it knows none.
        var epochs = coordinator.Reports.Where(report => report.Epoch is not null).Select(report => report.Epoch.Epoch).Distinct().ToArray();
        Assert.Equal(Enumerable.Range(1, epochs.Length), epochs);

        async Task<TaskReady> ReadyAsync(int rank) => (await coordinator.ReportAsync("run", 1, rank, Report.ReportOneofCase.Ready)).Ready;
    }

    [Fact]
    public async Task Trainers_end_with_an_agent_that_was_killed()
    {
        await TrainAsync();
        var trainer = agent.Trainers.Single();
        Processes.Signal(agent.Pid, Processes.Kill);

        await Eventually.Holds(() => !Processes.Lives(trainer), () => $"trainer {trainer} outlives its agent");
    }

    [Fact]
    public async Task Terminated_twice_an_agent_hands_its_work_back_and_leaves_nothing()
    {
        agent.Dispose();
        agent = new AgentProcess(coordinator.Address, folder.Path, "--drain-seconds", "0", "--no-spare");
        await TrainAsync();
        var trainer = agent.Trainers.Single();
        Processes.Signal(agent.Pid, Processes.Terminate);
        Processes.Signal(agent.Pid, Processes.Terminate);

        Assert.Equal(0, await agent.ExitAsync());
        Assert.False(Processes.Lives(trainer));
        var ended = (await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Ended)).Ended;
        Assert.Equal((true, 1), (ended.Stopped, ended.LeftGeneration));
        Assert.Contains(coordinator.Reports, report => report.Checkpoint?.Step == ended.Step);
        await DrainingAsync();
        Assert.Empty(Directory.GetFiles(folder.Path, "*.sock", SearchOption.AllDirectories));
        Assert.False(Directory.Exists(folder.In("tasks")));
    }

    [Fact]
    public async Task Drained_by_the_coordinator_it_ends_as_if_terminated()
    {
        await coordinator.SendAsync(new CoordinatorMessage { Drain = new DrainAgent() });

        Assert.Equal(0, await agent.ExitAsync());
        await DrainingAsync();
    }

    [Fact]
    public async Task Shut_down_it_ends_at_once_without_a_word()
    {
        await TrainAsync();
        var trainer = agent.Trainers.Single();
        await coordinator.SendAsync(new CoordinatorMessage { Shutdown = new ShutdownAgent() });

        Assert.Equal(0, await agent.ExitAsync());
        Assert.False(Processes.Lives(trainer));
        Assert.DoesNotContain(coordinator.Reports, report => report.ReportCase == Report.ReportOneofCase.Failed);
    }

    [Fact]
    public async Task Task_that_is_stopped_at_once_is_reported_as_stopped()
    {
        await TrainAsync();
        await coordinator.SendAsync(new CoordinatorMessage { Stop = new StopTask { Task = new TaskId { Run = "run", Generation = 1, Rank = 0 } } });

        Assert.True((await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Ended)).Ended.Stopped);
        await Eventually.Holds(() => agent.Trainers.Count == 0, () => "the trainer stays");
    }

    [Fact]
    public async Task Assigned_twice_a_task_keeps_its_trainer_and_a_newer_generation_takes_its_place()
    {
        await TrainAsync();
        var first = agent.Trainers.Single();
        await coordinator.SendAsync(new CoordinatorMessage { Assign = coordinator.Assignment("run", 0, 1, Specs.Digits(Forever)) });
        await coordinator.RunAsync("run", worldSize: 1, Specs.Digits(Forever), generation: 2);
        await coordinator.ReportAsync("run", 2, 0, Report.ReportOneofCase.Epoch);

        Assert.False(Processes.Lives(first));
        Assert.Single(agent.Trainers);
        Assert.Equal(2, coordinator.Reports.Count(report => report.ReportCase == Report.ReportOneofCase.Ready));
        Assert.DoesNotContain(coordinator.Reports, report => report.ReportCase == Report.ReportOneofCase.Failed);
    }

    [Fact]
    public async Task Frozen_trainer_is_hung_looked_into_and_killed()
    {
        await TrainAsync();
        var trainer = agent.Trainers.Single();
        Processes.Signal(trainer, Processes.Stop);

        Assert.Equal("hung", (await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Failed)).Failed.Kind);
        // Nobody waits for that: its threads are looked into first.
        await Eventually.Holds(() => !Processes.Lives(trainer), () => "the trainer stays");
        await Eventually.Holds(
            () => coordinator.LogLines.SkipWhile(line => line != "no sign of life for 1 s; the trainer's threads:").ToArray() is [_, var main, .. var rest]
                && main.StartsWith($"  thread {trainer} (", StringComparison.Ordinal) && main.Contains("): stopped in ", StringComparison.Ordinal)
                && rest.Any(line => line.Contains("  at Orchestrator.Training.TrainingLoop.", StringComparison.Ordinal)),
            () => string.Join('\n', coordinator.LogLines));
    }

    [Fact]
    public async Task Agent_that_drains_gives_its_trainers_time_to_come_to_an_end()
    {
        await coordinator.RunAsync("run", worldSize: 1, Specs.Digits(epochs: 40));
        await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Epoch);
        Processes.Signal(agent.Pid, Processes.Terminate);

        Assert.Equal(0, await agent.ExitAsync());
        Assert.Equal(40, (await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Ended)).Ended.Epoch);
    }

    [Fact]
    public async Task Task_whose_dataset_is_nowhere_fails_with_a_line_that_says_so()
    {
        var assignment = coordinator.Assignment("run", 0, 1, Specs.Digits(1));
        assignment.DatasetSha256 = new string('0', 64);
        await coordinator.SendAsync(new CoordinatorMessage { Assign = assignment });

        var failed = (await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Failed)).Failed;
        Assert.Equal("user", failed.Kind);
        Assert.Contains("There is no such dataset", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Users_mistake_fails_at_once_with_its_stack_in_the_log()
    {
        await coordinator.RunAsync("run", worldSize: 1, Specs.Own<ThrowingWorkload>());

        var failed = (await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Failed)).Failed;
        Assert.Equal("user", failed.Kind);
        Assert.Contains("mat1 and mat2 shapes cannot be multiplied", failed.Message, StringComparison.Ordinal);
        Assert.Contains("ThrowingWorkload.MultiplyWrongly", failed.Detail, StringComparison.Ordinal);
        await Eventually.Holds(
            () => coordinator.LogLines.Any(line => line.Contains("ThrowingWorkload.MultiplyWrongly", StringComparison.Ordinal)), () => string.Join('\n', coordinator.LogLines));
    }

    [Fact]
    public async Task Run_that_diverges_says_so_on_every_rank_with_step_and_tensor()
    {
        await coordinator.RunAsync("run", worldSize: 2, Specs.Diverging());

        var failures = new[]
        {
            (await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Failed)).Failed,
            (await coordinator.ReportAsync("run", 1, 1, Report.ReportOneofCase.Failed)).Failed,
        };
        Assert.All(failures, failed => Assert.Equal("diverged", failed.Kind));
        Assert.Matches("^step [0-9]+: (loss|[a-z0-9]+[.](weight|bias)) is not a finite number", failures[0].Message);
        Assert.Equal(failures[0].Message, failures[1].Message);
    }

    public async ValueTask InitializeAsync()
    {
        coordinator = await FakeCoordinator.StartAsync();
        agent = new AgentProcess(coordinator.Address, folder.Path, "--slots", "2", "--no-spare");
    }

    public async ValueTask DisposeAsync()
    {
        agent.Dispose();
        await coordinator.DisposeAsync();
        folder.Dispose();
    }

    /// <summary>What an agent said before it ended may still lie in the socket.</summary>
    private Task DrainingAsync() => Eventually.Holds(() => coordinator.Draining, () => "the agent did not say that it drains");

    private async Task TrainAsync()
    {
        await coordinator.RunAsync("run", worldSize: 1, Specs.Digits(Forever));
        await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Epoch);
    }
}
