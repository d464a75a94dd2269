using Grpc.Core;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Sessions;

/// <summary>Trainers and agents that are lost, hang, fail or compute other bits.</summary>
public sealed class LossTests : SessionTest
{
    [Fact]
    public async Task An_agent_that_dies_is_replaced_and_its_ghost_is_fenced()
    {
        await StartAsync();
        var mortal = await AgentAsync("a");
        var id = await SubmitAsync();
        var ghost = await TaskAsync(mortal);
        mortal.Ready(ghost);
        await ghost.Begun;
        mortal.Epoch(ghost, 1, 0.25);
        mortal.Checkpoint(ghost, 1, 0.25);
        await Eventually.TrueAsync(() => mortal.Unacknowledged == 0, Patience);
        await mortal.DisconnectAsync();

        var other = await AgentAsync("b");
        var again = await TaskAsync(other);
        Assert.Equal((2, $"{id}-10"), (again.Key.Generation, again.Assign.Checkpoint));
        Assert.Equal(("lost", "a"), (await GetAsync(id)).Failures.Select(failure => (failure.Kind, failure.Worker)).Single());

        // It was only cut off, and still trains.
        mortal.Epoch(ghost, 2, 0.99);
        await mortal.ConnectAsync(Calls);
        Assert.Equal(ghost.Key.ToMessage(), Assert.Single(mortal.Fenced));
        await Eventually.TrueAsync(() => mortal.Unacknowledged == 0, Patience);
        Assert.Equal(1, (await GetAsync(id)).Epoch);

        await FakeTrainer.TrainAsync(other, again, epochs: 3);
        await Eventually.TrueAsync(() => mortal.Assigned.Count + other.Assigned.Count == 3, Patience);
        Assert.Equal([1, 2, 3], (await GetAsync(id)).History.Select(epoch => epoch.Epoch));
        Assert.Equal(0.25, (await GetAsync(id)).History[0].Metrics["val_accuracy"]);
    }

    [Fact]
    public async Task A_task_that_its_agent_does_not_name_is_lost()
    {
        await StartAsync();
        var agent = await AgentAsync("a");
        var id = await SubmitAsync();
        var task = await TaskAsync(agent);
        agent.Forget(task);
        await Eventually.TrueAsync(() => agent.Assigned.Count == 2, Patience);
        Assert.Equal("lost", Assert.Single((await GetAsync(id)).Failures).Kind);
    }

    [Fact]
    public async Task A_frozen_rank_is_hung_and_killed()
    {
        await StartAsync();
        var agent = await AgentAsync("a");
        var id = await SubmitAsync();
        var task = await TaskAsync(agent);
        agent.Ready(task);
        await task.Begun;
        task.Silent = 60_000;
        Assert.False(await task.Stopped.WaitAsync(Patience, Cancellation));
        await Eventually.TrueAsync(() => agent.Assigned.Count == 2, Patience);
        Assert.Equal("hung", Assert.Single((await GetAsync(id)).Failures).Kind);
    }

    [Fact]
    public async Task What_the_users_code_threw_fails_the_run_and_its_stack_is_in_the_log()
    {
        await StartAsync();
        var agent = await AgentAsync("a");
        var id = await SubmitAsync();
        var task = await TaskAsync(agent);
        agent.Ready(task);
        await task.Begun;
        agent.Fail(task, "user", "NullReferenceException: oh", "at Their.Model.Forward()");
        var run = await EndedAsync(id);
        Assert.Equal(("failed", "user"), (run.State, Assert.Single(run.Failures).Kind));
        using var logs = Runs.GetRunLogs(new GetRunLogsRequest { Id = id }, cancellationToken: Cancellation);
        var lines = await logs.ResponseStream.ReadAllAsync(Cancellation).Select(line => line.Text).ToListAsync(Cancellation);
        Assert.Contains(lines, line => line.Contains("Their.Model.Forward", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Out_of_memory_is_tried_again_within_its_own_budget()
    {
        await StartAsync();
        var agent = await AgentAsync("a");
        var id = await SubmitAsync();
        agent.Trainer = async task =>
        {
            agent.Ready(task);
            await task.Begun;
            agent.Fail(task, "out-of-memory", "killed");
        };
        agent.Fail(agent.Assigned.TryPeek(out var first) ? first : await TaskAsync(agent), "out-of-memory", "killed");
        var run = await EndedAsync(id);
        Assert.Equal(("failed", 3), (run.State, run.Failures.Count));
        Assert.All(run.Failures, failure => Assert.Equal("out-of-memory", failure.Kind));
    }

    [Fact]
    public async Task A_peer_that_is_blamed_speaks_for_itself_or_is_the_culprit()
    {
        await StartAsync();
        var (left, right) = (await AgentAsync("a"), await AgentAsync("b"));
        var id = await SubmitAsync("{ min: 2, max: 2 }");
        var (first, second) = (await TaskAsync(left), await TaskAsync(right));
        left.Ready(first);
        right.Ready(second);
        await Task.WhenAll(first.Begun, second.Begun);
        left.Fail(first, "lost", "rank 1 is gone", suspect: second.Key.Rank);
        await Eventually.TrueAsync(async () => (await GetAsync(id)).Failures.Count == 1, Patience);
        Assert.Equal(("lost", "b"), (await GetAsync(id)).Failures.Select(failure => (failure.Kind, failure.Worker)).Single());
    }

    [Fact]
    public async Task Trainers_that_live_begin_the_next_generation_with_a_key_of_its_own()
    {
        await StartAsync();
        var (left, right) = (await AgentAsync("a", slots: 2), await AgentAsync("b"));
        var id = await SubmitAsync("{ min: 2, max: 3 }");
        await Eventually.TrueAsync(() => left.Assigned.Count + right.Assigned.Count == 3, Patience);
        FakeTask[] tasks = [.. left.Assigned, .. right.Assigned];
        foreach (var task in tasks)
        {
            AgentOf(task).Ready(task);
        }

        var first = await Task.WhenAll(tasks.Select(task => task.Begun));
        var (lost, others) = (tasks.Single(task => task.Key.Rank == 1), tasks.Where(task => task.Key.Rank != 1).OrderBy(task => task.Key.Rank).ToArray());
        AgentOf(lost).Fail(lost, "lost", "its process was killed");
        await Eventually.TrueAsync(() => others.All(task => task.Words.Count == 2), Patience);

        var words = others.Select(task => task.Words.Last()).ToArray();
        Assert.Equal([(2, 0), (2, 1)], words.Select(word => (word.Generation, word.Rank)));
        Assert.Equal(others.Select(task => first[Array.IndexOf(tasks, task)].Peers[task.Key.Rank]), words[0].Peers);
        Assert.Equal([(0, 2), (2, 4)], words[0].Shards.Select(shards => (shards.First, shards.End)));
        Assert.Equal(words[0].Key, words[1].Key);
        Assert.NotEqual(first[0].Key, words[0].Key);
        var run = await GetAsync(id);
        Assert.Equal((2, 2, 0L), (run.Generation, run.WorldSize, run.StepsLost));

        FakeAgent AgentOf(FakeTask task) => left.Assigned.Contains(task) ? left : right;
    }

    [Fact]
    public async Task A_machine_that_computes_other_bits_is_left_out()
    {
        await StartAsync();
        var (odd, even) = (await AgentAsync("a"), await AgentAsync("b"));
        var id = await SubmitAsync("{ min: 2, max: 2 }");
        var (first, second) = (await TaskAsync(odd), await TaskAsync(even));
        (first, second) = first.Key.Rank == 0 ? (first, second) : (second, first);
        var (firstAgent, secondAgent) = first.Assign.Rank == odd.Assigned.First().Key.Rank ? (odd, even) : (even, odd);
        firstAgent.Ready(first, "probe");
        secondAgent.Ready(second, "another");
        await Eventually.TrueAsync(async () => (await GetAsync(id)).Message.Contains("other bits", StringComparison.Ordinal), Patience);

        var third = await AgentAsync("c");
        var gang = new[] { await TaskAsync(third), await TaskAsync(firstAgent, nth: 2) };
        Assert.Equal([0, 1], gang.Select(task => task.Key.Rank).Order());
        Assert.Single(secondAgent.Assigned);
    }
}
