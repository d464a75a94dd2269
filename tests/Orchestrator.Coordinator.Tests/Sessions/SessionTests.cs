using System.Security.Cryptography;
using System.Text.Json;
using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Coordinator.Tests.Hosting;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Sessions;

/// <summary>Agents that come and go, over real gRPC, with a whole coordinator.</summary>
public sealed class SessionTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = RunningCoordinator.Patience;

    private readonly TemporaryFolder folder = new();
    private readonly List<FakeAgent> agents = [];
    private RunningCoordinator coordinator = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private CallInvoker Calls => coordinator.Grpc.CreateCallInvoker();

    private RunService.RunServiceClient Runs => new(Calls);

    public async ValueTask DisposeAsync()
    {
        foreach (var agent in agents)
        {
            await agent.DisposeAsync();
        }

        await coordinator.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task A_run_is_assigned_begun_reported_scored_and_shown()
    {
        await StartAsync();
        var agent = await AgentAsync("a", slots: 2);
        agent.Trainer = task => FakeTrainer.TrainAsync(agent, task, epochs: 3);

        var run = await EndedAsync(await SubmitAsync("{ min: 2, max: 2 }"));

        Assert.Equal(("succeeded", 1, 2, 3, 30L, 0L), (run.State, run.Generation, run.WorldSize, run.Epoch, run.Step, run.StepsLost));
        Assert.Equal([1, 2, 3], run.History.Select(epoch => epoch.Epoch));
        Assert.Equal("weights", run.WeightsHash);
        var ranks = agent.Assigned.Where(task => task.Key.Generation == 1).ToArray();
        Assert.Equal([0, 1], ranks.Select(task => task.Key.Rank).Order());
        // The same key and peers for both, and every shard once.
        var words = await Task.WhenAll(ranks.Select(task => task.Begun));
        Assert.Equal((words[0].Key, words[0].Peers), (words[1].Key, words[1].Peers));
        Assert.Equal((32, 2), (words[0].Key.Length, words[0].Peers.Count));
        Assert.Equal([(0, 2), (2, 4)], ranks[0].Assign.Shards.Select(shards => (shards.First, shards.End)));
        await Eventually.TrueAsync(() => agent.Unacknowledged == 0, Patience);
    }

    [Fact]
    public async Task Reports_that_come_twice_count_once()
    {
        await StartAsync();
        var agent = await AgentAsync("a");
        var id = await SubmitAsync();
        var task = await TaskAsync(agent);
        agent.Ready(task);
        await task.Begun;
        agent.Epoch(task, 1);
        agent.Checkpoint(task, 1);
        agent.Repeat(2);

        // All of it again, on a new session, as if no acknowledgement had come.
        await agent.DisconnectAsync();
        await agent.ConnectAsync(Calls);
        agent.Epoch(task, 2);
        agent.Epoch(task, 3);
        agent.Checkpoint(task, 3);
        agent.End(task, 3);

        await Eventually.TrueAsync(() => agent.Assigned.Count == 2, Patience);
        var run = await GetAsync(id);
        Assert.Equal([1, 2, 3], run.History.Select(epoch => epoch.Epoch));
        Assert.Equal((1, 0), (agent.Assigned.First().Key.Generation, run.Failures.Count));
    }

    [Fact]
    public async Task An_agent_that_comes_back_goes_on_with_what_it_ran()
    {
        await StartAsync();
        var agent = await AgentAsync("a");
        var id = await SubmitAsync();
        var task = await TaskAsync(agent);
        agent.Ready(task);
        await task.Begun;
        await agent.DisconnectAsync();
        agent.Epoch(task, 1);

        await agent.ConnectAsync(Calls);
        Assert.Empty(agent.Fenced);
        await Eventually.TrueAsync(async () => (await GetAsync(id)).Epoch == 1, Patience);
        Assert.Equal((1, 0), ((await GetAsync(id)).Generation, (await GetAsync(id)).Failures.Count));
    }

    [Fact]
    public async Task An_assignment_that_did_not_arrive_is_made_again()
    {
        await StartAsync();
        var agent = await AgentAsync("a");
        var id = await SubmitAsync();
        var task = await TaskAsync(agent);
        await agent.DieAsync();
        await agent.ConnectAsync(Calls);
        await Eventually.TrueAsync(() => agent.Assigned.Count == 2, Patience);
        Assert.Equal(task.Key, agent.Assigned.Last().Key);
        Assert.Empty((await GetAsync(id)).Failures);
    }

    [Fact]
    public async Task A_coordinator_that_was_restarted_adopts_what_runs()
    {
        await StartAsync();
        var agent = await AgentAsync("a", slots: 2);
        var id = await SubmitAsync("{ min: 2, max: 2 }");
        await Eventually.TrueAsync(() => agent.Assigned.Count == 2, Patience);
        var tasks = agent.Assigned.OrderBy(task => task.Key.Rank).ToArray();
        agent.Ready(tasks[1]);
        agent.Ready(tasks[0]);
        await Task.WhenAll(tasks.Select(task => task.Begun));
        agent.Epoch(tasks[0], 1);
        await Eventually.TrueAsync(async () => (await GetAsync(id)).Epoch == 1, Patience);

        await RestartAsync();
        // It was away for what was said meanwhile.
        agent.Epoch(tasks[0], 2);
        await agent.ConnectAsync(Calls);
        Assert.Empty(agent.Fenced);
        agent.Epoch(tasks[0], 3);
        agent.Checkpoint(tasks[0], 3);
        agent.End(tasks[1], 3);
        agent.End(tasks[0], 3);

        // To be scored.
        await Eventually.TrueAsync(() => agent.Assigned.Count == 3, Patience);
        var run = await GetAsync(id);
        Assert.Equal((1, 0), (run.Generation, run.Failures.Count));
        Assert.Equal([1, 2, 3], run.History.Select(epoch => epoch.Epoch));
    }

    [Fact]
    public async Task A_key_that_was_lost_with_the_coordinator_costs_a_generation_and_no_budget()
    {
        await StartAsync();
        var agent = await AgentAsync("a");
        var id = await SubmitAsync(failures: "{ lost: 0 }");
        var task = await TaskAsync(agent);
        agent.Ready(task);
        await task.Begun;
        await RestartAsync();
        task.Miss();
        await agent.ConnectAsync(Calls);
        await Eventually.TrueAsync(() => task.Words.Count == 2, Patience);
        Assert.Equal("preempted", Assert.Single((await GetAsync(id)).Failures).Kind);
        Assert.Equal((2, 0), (task.Words.Last().Generation, task.Words.Last().Rank));
        Assert.Single(agent.Assigned);
    }

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
    public async Task A_word_that_an_agent_missed_is_said_again_when_it_comes_back()
    {
        await StartAsync();
        var (left, right) = (await AgentAsync("a"), await AgentAsync("b"));
        await SubmitAsync("{ min: 1, max: 2 }");
        var (first, second) = (await TaskAsync(left), await TaskAsync(right));
        left.Ready(first);
        right.Ready(second);
        await Task.WhenAll(first.Begun, second.Begun);
        await left.DisconnectAsync();
        right.Fail(second, "lost", "its process was killed");
        await Eventually.TrueAsync(() => right.Unacknowledged == 0, Patience);
        Assert.Single(first.Words);

        await left.ConnectAsync(Calls);
        await Eventually.TrueAsync(() => first.Words.Count == 2, Patience);
        Assert.Equal((2, 0, 1), (first.Words.Last().Generation, first.Words.Last().Rank, first.Words.Last().Peers.Count));
        Assert.Empty(left.Fenced);
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

    [Fact]
    public async Task Cancelling_stops_the_trainers_and_frees_their_slots()
    {
        await StartAsync();
        var agent = await AgentAsync("a");
        var id = await SubmitAsync();
        var task = await TaskAsync(agent);
        agent.Ready(task);
        await task.Begun;
        await Runs.CancelRunAsync(new GetRunRequest { Id = id }, cancellationToken: Cancellation);
        Assert.False(await task.Stopped.WaitAsync(Patience, Cancellation));
        Assert.Equal("cancelled", (await GetAsync(id)).State);
        await SubmitAsync();
        Assert.Equal(1, (await TaskAsync(agent, nth: 2)).Key.Generation);
    }

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

    [Fact]
    public async Task A_wrong_token_opens_no_session()
    {
        var (file, token) = RunningCoordinator.NewToken(folder);
        await StartAsync(token: file);
        var stranger = new FakeAgent("a");
        agents.Add(stranger);
        await stranger.ConnectAsync(coordinator.WithToken("0123456789abcdef"));
        Assert.Equal(StatusCode.PermissionDenied, stranger.Refused);
        await stranger.ConnectAsync(Calls);
        Assert.Equal(StatusCode.Unauthenticated, stranger.Refused);
        await stranger.ConnectAsync(coordinator.WithToken(token));
        Assert.Null(stranger.Refused);
        var workers = await new WorkerService.WorkerServiceClient(coordinator.WithToken(token)).ListWorkersAsync(new ListWorkersRequest(), cancellationToken: Cancellation);
        Assert.Equal(("a", "ready"), workers.Workers.Select(worker => (worker.Id, worker.State)).Single());
    }

    [Fact]
    public async Task Figures_follow_the_agents_and_what_waits()
    {
        await StartAsync();
        await SubmitAsync("{ min: 3, max: 4 }");
        await AgentAsync("a", slots: 2);
        await SubmitAsync();
        var client = new ClusterService.ClusterServiceClient(Calls);
        await Eventually.TrueAsync(
            async () => await client.GetClusterAsync(new GetClusterRequest()) is { Workers: 1, Slots: 2, SlotsWanted: 5, DeadLetters: 0 }, Patience);
    }

    [Fact]
    public async Task A_checkpoint_is_stored_whole_shown_once_committed_and_fenced_afterwards()
    {
        await StartAsync();
        var agent = await AgentAsync("a");
        var id = await SubmitAsync();
        var task = await TaskAsync(agent);
        agent.Ready(task);
        await task.Begun;
        var model = new byte[3_000_000];
        new Random(1).NextBytes(model);
        var stored = await PutAsync($"{id}-10", id, generation: 1, model);
        Assert.InRange(stored.Bytes, model.Length, model.Length + 1000);
        // Asked again it answers the same.
        Assert.Equal(stored, await PutAsync($"{id}-10", id, generation: 1, model));
        var checkpoints = new CheckpointService.CheckpointServiceClient(Calls);
        Assert.Empty((await checkpoints.ListCheckpointsAsync(new ListCheckpointsRequest { Run = id }, cancellationToken: Cancellation)).Checkpoints);

        agent.Epoch(task, 1);
        agent.Checkpoint(task, 1);
        await Eventually.TrueAsync(
            async () => (await checkpoints.ListCheckpointsAsync(new ListCheckpointsRequest { Run = id })).Checkpoints.Count == 1, Patience);
        using var fetch = checkpoints.FetchCheckpoint(new FetchCheckpointRequest { Id = $"{id}-10" }, cancellationToken: Cancellation);
        var parts = await fetch.ResponseStream.ReadAllAsync(Cancellation).Where(part => part.Path == "model.safetensors").ToListAsync(Cancellation);
        Assert.Equal(model, parts.SelectMany(part => part.Data.ToByteArray()));

        var fenced = await Assert.ThrowsAsync<RpcException>(() => PutAsync($"{id}-20", id, generation: 2, model));
        Assert.Equal(StatusCode.Aborted, fenced.StatusCode);
    }

    private async Task<PutCheckpointResponse> PutAsync(string checkpoint, string run, int generation, byte[] model)
    {
        using var call = new AgentService.AgentServiceClient(Calls).PutCheckpoint(cancellationToken: Cancellation);
        var manifest = JsonSerializer.SerializeToUtf8Bytes(new
        {
            files = new Dictionary<string, object> { ["model.safetensors"] = new { sha256 = Convert.ToHexStringLower(SHA256.HashData(model)), bytes = model.Length } },
        });
        PutCheckpointRequest[] parts =
        [
            new() { Header = new PutCheckpointHeader { Id = checkpoint, Run = run, Generation = generation } },
            .. model.Chunk(1_000_000).Select(chunk => Part("model.safetensors", chunk)),
            Part("manifest.json", manifest),
        ];
        try
        {
            foreach (var part in parts)
            {
                await call.RequestStream.WriteAsync(part, Cancellation);
            }

            await call.RequestStream.CompleteAsync();
        }
        catch (RpcException)
        {
            // Refused before everything was sent: the answer says why.
        }

        return await call;
    }

    private static PutCheckpointRequest Part(string path, byte[] data) => new() { File = new CheckpointFilePart { Path = path, Data = ByteString.CopyFrom(data) } };

    private async Task StartAsync(string? token = null) =>
        coordinator = await RunningCoordinator.StartInAsync(folder["data"], options => options with { TokenFile = token });

    private async Task RestartAsync()
    {
        await coordinator.DisposeAsync();
        await StartAsync();
    }

    private async Task<FakeAgent> AgentAsync(string id, int slots = 1)
    {
        var agent = new FakeAgent(id, slots);
        agents.Add(agent);
        return await agent.ConnectAsync(Calls);
    }

    private static async Task<FakeTask> TaskAsync(FakeAgent agent, int nth = 1)
    {
        await Eventually.TrueAsync(() => agent.Assigned.Count >= nth, Patience);
        return agent.Assigned.ElementAt(nth - 1);
    }

    private async Task<string> SubmitAsync(string workers = "{ min: 1, max: 1 }", string failures = "{ lost: 3 }") => (await Runs.SubmitRunAsync(
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

    private async Task<Run> GetAsync(string id) => await Runs.GetRunAsync(new GetRunRequest { Id = id }, cancellationToken: Cancellation);

    private async Task<Run> EndedAsync(string id)
    {
        await Eventually.TrueAsync(async () => (await GetAsync(id)).State is "succeeded" or "failed" or "cancelled", Patience);
        return await GetAsync(id);
    }
}
