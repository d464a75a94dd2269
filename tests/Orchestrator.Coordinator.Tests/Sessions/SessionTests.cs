using System.Security.Cryptography;
using System.Text.Json;
using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Coordinator.Tests.Hosting;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Sessions;

/// <summary>Agents that come and go, over real gRPC, with a whole coordinator.</summary>
public sealed class SessionTests : SessionTest
{
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
    public async Task A_wrong_token_opens_no_session()
    {
        var (file, token) = RunningCoordinator.NewToken(Folder);
        await StartAsync(token: file);
        var stranger = new FakeAgent("a");
        Agents.Add(stranger);
        await stranger.ConnectAsync(Coordinator.WithToken("0123456789abcdef"));
        Assert.Equal(StatusCode.PermissionDenied, stranger.Refused);
        await stranger.ConnectAsync(Calls);
        Assert.Equal(StatusCode.Unauthenticated, stranger.Refused);
        await stranger.ConnectAsync(Coordinator.WithToken(token));
        Assert.Null(stranger.Refused);
        var workers = await new WorkerService.WorkerServiceClient(Coordinator.WithToken(token)).ListWorkersAsync(new ListWorkersRequest(), cancellationToken: Cancellation);
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
}
