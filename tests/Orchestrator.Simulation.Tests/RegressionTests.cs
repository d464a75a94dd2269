using Orchestrator.Coordinator.Hosting;
using Orchestrator.Specs;

namespace Orchestrator.Simulation.Tests;

/// <summary>Histories that once broke a promise, with as few faults as did it.</summary>
public sealed class RegressionTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("orch-simulation").FullName;
    private readonly DataDirectory directory;

    public RegressionTests() => directory = DataDirectory.Open(folder);

    public void Dispose()
    {
        directory.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Survivors_that_waited_long_for_their_generation_are_not_taken_for_a_deadlock() => Play(new Schedule(
        509,
        new Settings([2, 1], 3, 3, new Every(100, EveryUnit.Epoch), false),
        [
            new Fault(2.525, FaultKind.Slow, 48, 23, 0, 0.6),
            new Fault(3.917, FaultKind.LoseHost, 35, 35, 0, 1.7),
            new Fault(7.317, FaultKind.Join, 33, 2, 1, 1.3),
            new Fault(7.386, FaultKind.RestartCoordinator, 9, 16, 0, 18.9),
        ]));

    [Fact]
    public void A_trainer_that_died_with_its_agent_is_not_ready_when_another_gets_its_name() => Play(new Schedule(
        1322,
        new Settings([1, 2], 2, 3, new Every(1, EveryUnit.Epoch), false),
        [
            new Fault(0.849, FaultKind.KillInExchange, 21, 4, 1, 6.0),
            new Fault(1.529, FaultKind.RestartCoordinator, 20, 51, 2, 18.8),
            new Fault(5.006, FaultKind.LoseHost, 48, 30, 2, 0.3),
        ]));

    [Fact]
    public void A_coordinator_that_stood_still_blames_nobody_for_its_own_silence() => Play(new Schedule(
        153,
        new Settings([2, 2, 1, 1], 2, 3, new Every(2, EveryUnit.Step), true),
        [
            new Fault(0.860, FaultKind.FreezeInExchange, 2, 20, 1, 14.0),
            new Fault(5.011, FaultKind.FreezeCoordinator, 33, 17, 1, 10.0),
        ]));

    [Fact]
    public void Nobody_waits_to_meet_one_who_has_heard_of_the_generation_after_already() => Play(new Schedule(
        8849,
        new Settings([1, 2], 1, 3, new Every(3, EveryUnit.Step), true),
        [
            new Fault(4.924, FaultKind.FreezeInExchange, 50, 21, 2, 1.5),
            new Fault(5.110, FaultKind.KillInExchange, 13, 23, 2, 13.2),
            new Fault(6.437, FaultKind.FreezeAgent, 25, 17, 0, 0.4),
            new Fault(7.134, FaultKind.Drain, 21, 41, 0, 0.3),
        ]));

    [Fact]
    public void A_checkpoint_that_is_told_between_two_generations_stands() => Play(new Schedule(
        1410,
        new Settings([1, 2, 1, 1], 2, 2, new Every(100, EveryUnit.Epoch), true),
        [new Fault(6.067, FaultKind.KillTrainer, 41, 19, 0, 0.5)]));

    [Fact]
    public void Who_waits_for_a_trainer_that_nobody_has_heard_of_is_not_taken_for_a_deadlock() => Play(new Schedule(
        8770,
        new Settings([1, 1], 2, 2, new Every(2, EveryUnit.Step), true),
        [
            new Fault(2.890, FaultKind.FreezeTrainer, 58, 40, 1, 10.3),
            new Fault(3.668, FaultKind.KillAgent, 12, 10, 0, 0.3),
            new Fault(5.918, FaultKind.RestartCoordinator, 9, 35, 0, 4.2),
        ]));

    [Fact]
    public void Newcomers_that_waited_for_a_machine_that_stood_still_are_not_put_out_when_it_is_back() => Play(new Schedule(
        105565,
        new Settings([2, 2, 2, 2], 4, 4, new Every(3, EveryUnit.Step), true),
        [
            new Fault(0.989, FaultKind.KillAgent, 29, 8, 0, 0.1),
            new Fault(5.939, FaultKind.FreezeHost, 4, 18, 0, 3.4),
        ]));

    [Fact]
    public void A_slow_member_hands_shards_to_a_fast_one_at_the_end_of_a_step()
    {
        var world = Play(new Schedule(7, new Settings([1, 1], 2, 2, new Every(1, EveryUnit.Epoch), true), [new Fault(0.9, FaultKind.Slow, 0, 0, 0, 30)]));
        Assert.Contains(world.Lines, line => line.Contains("GenerationProposed 2 of agent0:0=1.0[0-3] agent1:0=1.1[3-4]", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(2, "agent2:0=1.2[0-1] agent2:1=1.3[1-2] agent0:0=2.2[2-3] agent0:1=2.3[3-4]")]
    [InlineData(4, "agent1:0=1.0[0-0] agent1:1=1.1[0-0] agent1:2=1.2[0-0] agent1:3=1.3[0-0] agent0:0=2.4[0-1] agent0:1=2.5[1-2] agent0:2=2.6[2-3] agent0:3=2.7[3-4]")]
    public void Who_drains_in_a_gang_of_as_many_as_there_are_shards_hands_over_and_no_step_is_redone(int slots, string next)
    {
        // Half of the gang is there, or all of it.
        var world = Play(new Schedule(3, new Settings([slots, slots, slots], 4, 4, new Every(100, EveryUnit.Epoch), true), [new Fault(1.2, FaultKind.Drain, 1, 0, 0, 60)]));
        Assert.Contains(world.Lines, line => line.Contains($"GenerationProposed 2 of {next} ", StringComparison.Ordinal));
        Assert.DoesNotContain(world.Lines, line => line.Contains("GenerationFailed", StringComparison.Ordinal) || line.Contains("is interrupted", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Workers_that_all_drain_with_nobody_to_take_over_write_their_last_step_down(int agents)
    {
        var drains = Enumerable.Range(0, agents).Select(agent => new Fault(1.2 + (0.05 * agent), FaultKind.Drain, 0, 0, 1, 60));
        var world = Play(new Schedule(6, new Settings([.. Enumerable.Repeat(1, agents)], agents, agents, new Every(100, EveryUnit.Epoch), true), [.. drains]));
        Assert.Contains(world.Lines, line => line.Contains("CheckpointCommitted", StringComparison.Ordinal));
        var failed = Assert.Single(world.Lines, line => line.Contains("GenerationFailed", StringComparison.Ordinal));
        Assert.Contains("nobody took over; 0 go on, 0 lost", failed, StringComparison.Ordinal);
    }

    [Fact]
    public void A_survivor_that_waits_with_the_state_writes_it_down_when_its_agent_drains()
    {
        var world = Play(new Schedule(
            3,
            new Settings([1, 1], 2, 2, new Every(100, EveryUnit.Epoch), true),
            [new Fault(1.2, FaultKind.LoseHost, 0, 0, 0, 60), new Fault(9, FaultKind.Drain, 0, 0, 1, 55)]));
        Assert.True(
            world.Lines.Any(line => line.Contains("SurvivorLost", StringComparison.Ordinal) && line.Contains("nobody took over; 0 lost", StringComparison.Ordinal)), string.Join('\n', world.Lines));
    }

    [Theory]
    [InlineData(45592)]
    [InlineData(51382)]
    [InlineData(56335)]
    [InlineData(83064)]
    public void A_trainer_that_was_ready_unheard_of_and_died_is_not_started_again_under_its_name(int seed) => Play(Schedule.Of(seed));

    private VirtualWorld Play(Schedule schedule)
    {
        var world = Simulation.Play(schedule, directory);
        Assert.True(world.Violation is null, $"{world.Violation?.Message}\n{schedule}\n{string.Join('\n', world.Lines)}");
        return world;
    }
}
