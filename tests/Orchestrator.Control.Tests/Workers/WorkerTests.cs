using CsCheck;
using Orchestrator.Control.Workers;

namespace Orchestrator.Control.Tests.Workers;

public sealed class WorkerTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static readonly Gen<WorkerCommand[]> Lives = Gen.OneOf(
        Gen.Int[1, 2].Select(pid => (WorkerCommand)new WorkerCommand.Register(Identity(pid), At)),
        Gen.Const((WorkerCommand)new WorkerCommand.Drain(At)),
        Gen.Const((WorkerCommand)new WorkerCommand.Lose(At)),
        Gen.Const((WorkerCommand)new WorkerCommand.Leave(At))).Array[0, 20];

    [Fact]
    public void Commands_are_idempotent_and_replay_gives_the_live_state() => Lives.Sample(life =>
    {
        var log = new List<WorkerEvent>();
        var state = WorkerState.Initial;
        foreach (var command in life)
        {
            var events = WorkerState.Decide(state, command);
            log.AddRange(events);
            state = events.Aggregate(state, WorkerState.Apply);
            Assert.Empty(WorkerState.Decide(state, command));
        }

        Assert.Equal(state, log.Aggregate(WorkerState.Initial, WorkerState.Apply));
        Assert.True(state.Phase is WorkerPhase.Unknown || state.Identity is not null);
    });

    [Fact]
    public void One_that_drains_goes_on_draining_when_it_comes_back_and_a_new_process_does_not()
    {
        var draining = After(new WorkerCommand.Register(Identity(1), At), new WorkerCommand.Drain(At));
        Assert.Equal(WorkerPhase.Draining, After(draining, new WorkerCommand.Register(Identity(1), At)).Phase);
        Assert.Equal(WorkerPhase.Ready, After(draining, new WorkerCommand.Register(Identity(2), At)).Phase);
    }

    [Fact]
    public void One_that_is_lost_may_come_back_and_one_that_drained_and_went_is_not_lost()
    {
        var lost = After(new WorkerCommand.Register(Identity(1), At), new WorkerCommand.Lose(At));
        Assert.Equal(WorkerPhase.Lost, lost.Phase);
        Assert.Equal(WorkerPhase.Ready, After(lost, new WorkerCommand.Register(Identity(1), At)).Phase);
        Assert.Equal(WorkerPhase.Unknown, After(new WorkerCommand.Register(Identity(1), At), new WorkerCommand.Drain(At), new WorkerCommand.Lose(At)).Phase);
    }

    private static WorkerState After(params WorkerCommand[] commands) => commands.Aggregate(WorkerState.Initial, After);

    private static WorkerState After(WorkerState state, WorkerCommand command) => WorkerState.Decide(state, command).Aggregate(state, WorkerState.Apply);

    private static WorkerIdentity Identity(int pid) => new("a", "host", pid, "1", ["cpu"], "", false);
}
