using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Sessions;

/// <summary>Runs that hand over and grow while they train.</summary>
public sealed class MembershipTests : SessionTest
{
    [Fact]
    public async Task An_agent_that_drains_gets_no_more_and_its_task_stays_until_another_has_its_state()
    {
        await StartAsync();
        var leaving = await AgentAsync("a");
        var id = await SubmitAsync(failures: "{ lost: 0 }");
        var task = await TaskAsync(leaving);
        leaving.Ready(task);
        await task.Begun;
        var staying = await AgentAsync("b");
        leaving.Drain();

        // It joins as rank 1, and takes the state.
        var newcomer = await TaskAsync(staying);
        Assert.Equal((2, 1, true), (newcomer.Key.Generation, newcomer.Key.Rank, newcomer.Assign.Joins));
        Assert.False(task.Stopped.IsCompleted);
        staying.Ready(newcomer);
        Assert.Equal((2, 1), ((await newcomer.Begun).Generation, (await newcomer.Begun).Rank));
        Assert.True((await newcomer.Begun).AtBoundary);
        newcomer.Step = 7;

        // Only then the other goes, at the end of a step.
        await Eventually.TrueAsync(() => newcomer.Words.Count == 2 && task.Words.Count == 3, Patience);
        Assert.Equal([(2, false), (3, true)], task.Words.Skip(1).Select(word => (word.Generation, word.Leaves)));
        Assert.Equal((3, 0, 1), (newcomer.Words.Last().Generation, newcomer.Words.Last().Rank, newcomer.Words.Last().Peers.Count));
        leaving.End(task, 0, stopped: true);
        await Eventually.TrueAsync(() => leaving.Drained, Patience);
        var run = await GetAsync(id);
        Assert.Equal(("preempted", 0L), (Assert.Single(run.Failures).Kind, run.StepsLost));
        Assert.Single(leaving.Assigned);
    }

    [Fact]
    public async Task The_steps_of_a_generation_that_another_goes_on_from_stay_known()
    {
        await StartAsync();
        var leaving = await AgentAsync("a");
        var id = await SubmitAsync();
        var task = await TaskAsync(leaving);
        leaving.Ready(task);
        await task.Begun;
        task.Step = 7;
        await Eventually.TrueAsync(async () => (await GetAsync(id)).Step == 7, Patience);
        var staying = await AgentAsync("b");
        leaving.Drain();
        var newcomer = await TaskAsync(staying);

        // Nobody has been heard at a step of the next one when it begins.
        task.Step = 0;
        staying.Ready(newcomer);
        await newcomer.Begun;
        await Eventually.TrueAsync(async () => (await GetAsync(id)).Generation == 2, Patience);
        Assert.Equal(7, (await GetAsync(id)).Step);

        // And where all of it dies, these are lost.
        leaving.Fail(task, "lost", "its process was killed");
        staying.Fail(newcomer, "lost", "its process was killed");
        await Eventually.TrueAsync(async () => (await GetAsync(id)).StepsLost == 7, Patience);
    }

    [Fact]
    public async Task A_slot_that_is_free_goes_to_a_run_that_can_use_it_and_a_newcomer_that_fails_disturbs_nobody()
    {
        await StartAsync();
        var first = await AgentAsync("a");
        var id = await SubmitAsync("{ min: 1, max: 2 }");
        var task = await TaskAsync(first);
        first.Ready(task);
        await task.Begun;
        (task.Step, task.Epoch) = (1, 0);
        var second = await AgentAsync("b");
        // So slow that what is left is worth a newcomer.
        await Eventually.TrueAsync(
            async () =>
            {
                task.Step++;
                await Task.Delay(300, Cancellation);
                return !second.Assigned.IsEmpty;
            },
            Patience);

        var newcomer = await TaskAsync(second);
        second.Fail(newcomer, "lost", "its process was killed");
        await Eventually.TrueAsync(() => second.Unacknowledged == 0, Patience);
        var run = await GetAsync(id);
        Assert.Equal((1, 1, "lost"), (run.Generation, run.WorldSize, Assert.Single(run.Failures).Kind));
        Assert.Single(task.Words);
    }
}
