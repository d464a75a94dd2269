using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Grpc.Core;
using Orchestrator.Coordinator.Artifacts;
using Orchestrator.Coordinator.Runs;
using Orchestrator.Coordinator.Tests.Hosting;
using Orchestrator.Coordinator.Tests.Sessions;
using Orchestrator.Specs;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Runs;

/// <summary>Runs that begin where another one's checkpoint stands.</summary>
public sealed class RunOriginTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = RunningCoordinator.Patience;
    private static readonly byte[] Model = RandomNumberGenerator.GetBytes(1000);

    private readonly FakeAgent agent = new("a");
    private readonly TaskCompletionSource goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RunningCoordinator coordinator = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private RunService.RunServiceClient Runs => new(coordinator.Grpc);

    public async ValueTask InitializeAsync()
    {
        coordinator = await RunningCoordinator.StartAsync();
        agent.Trainer = task => FakeTrainer.TrainAsync(
            agent, task, RunSpec.FromJson(task.Assign.Spec).Training.Epochs, _ => task.Assign.Checkpoint.Length > 0 ? goOn.Task : Task.CompletedTask);
        await agent.ConnectAsync(coordinator.Grpc.CreateCallInvoker());
    }

    public async ValueTask DisposeAsync()
    {
        await agent.DisposeAsync();
        await coordinator.DisposeAsync();
    }

    [Fact]
    public async Task A_run_goes_on_where_the_checkpoint_stands_whatever_becomes_of_the_run_that_wrote_it()
    {
        var (first, checkpoint) = await TrainedAsync();
        var second = await SubmitAsync(File(epochs: 5), checkpoint);
        await Eventually.TrueAsync(() => agent.Assigned.Any(task => task.Key.Run == second), Patience);
        Assert.Equal($"{second}-30", agent.Assigned.Single(task => task.Key.Run == second).Assign.Checkpoint);
        Assert.Equal((checkpoint, 3, 30L), await ShowAsync(second, run => (run.From, run.Epoch, run.Step)));

        await Runs.DeleteRunAsync(new GetRunRequest { Id = first }, cancellationToken: Cancellation);
        using var files = new AgentService.AgentServiceClient(coordinator.Grpc).GetCheckpointFiles(
            new GetCheckpointFilesRequest { Id = $"{second}-30" }, cancellationToken: Cancellation);
        var model = await files.ResponseStream.ReadAllAsync(Cancellation).Where(part => part.Path == "model.safetensors").SingleAsync(Cancellation);
        Assert.Equal(Model, model.Data.ToByteArray());

        goOn.SetResult();
        await Eventually.TrueAsync(() => ShowAsync(second, run => run.State == "succeeded"), Patience);
        var epochs = await ShowAsync(second, run => run.History.Select(epoch => epoch.Epoch).ToArray());
        Assert.Equal([4, 5], epochs);
        Assert.Equal((checkpoint, 5, 0), await ShowAsync(second, run => (run.From, run.Epoch, run.Failures.Count)));
    }

    [Theory]
    [InlineData("seed", "has the seed 7, the file 8", "seed: 7", "seed: 8")]
    [InlineData("training.batch_size", "counts steps of 64 samples, the file's have 32", "batch_size: 64", "batch_size: 32")]
    [InlineData("training.epochs", "has 3 epochs behind it, and the file trains 3", "epochs: 5", "epochs: 3")]
    [InlineData("dataset", "was trained on digits as it was then", "dataset: digits", "dataset: { name: digits, split_seed: 3 }")]
    public async Task A_file_that_can_not_go_on_from_it_is_refused_and_nothing_stays(string field, string what, string then, string now)
    {
        var (_, checkpoint) = await TrainedAsync();
        var refusal = await Assert.ThrowsAsync<RpcException>(() => SubmitAsync(File(epochs: 5).Replace(then, now, StringComparison.Ordinal), checkpoint));
        Assert.Equal(StatusCode.InvalidArgument, refusal.StatusCode);
        Assert.StartsWith($"{field}: checkpoint {checkpoint} {what}", refusal.Status.Detail, StringComparison.Ordinal);
        Assert.Single((await Runs.ListRunsAsync(new ListRunsRequest(), cancellationToken: Cancellation)).Runs);
    }

    [Fact]
    public async Task A_checkpoint_that_is_not_there_is_refused()
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(() => SubmitAsync(File(epochs: 5), "run-none-30"));
        Assert.Equal((StatusCode.NotFound, true), (refusal.StatusCode, refusal.Status.Detail.Contains("there is no checkpoint run-none-30", StringComparison.Ordinal)));
    }

    /// <summary>A run that has ended, and its last checkpoint, which lies in the store.</summary>
    private async Task<(string Run, string Checkpoint)> TrainedAsync()
    {
        var run = await SubmitAsync(File(epochs: 3));
        await Eventually.TrueAsync(() => ShowAsync(run, shown => shown.State == "succeeded"), Patience);
        var manifest = JsonSerializer.SerializeToUtf8Bytes(new JsonObject
        {
            ["epoch"] = 3,
            ["step_of_epoch"] = 0,
            ["dataset_sha256"] = coordinator.Get<RunTable>().Find(run)!.DatasetSha256,
            ["spec"] = JsonNode.Parse(RunFile.Parse(File(epochs: 3), "run.yaml", []).ToJson()),
            ["files"] = new JsonObject { ["model.safetensors"] = new JsonObject { ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(Model)), ["bytes"] = Model.Length } },
        });
        (string, ReadOnlyMemory<byte>)[] files = [("manifest.json", manifest), ("model.safetensors", Model)];
        await coordinator.Get<IArtifactStore>().PutAsync($"{run}-30", files.ToAsyncEnumerable(), Cancellation);
        return (run, $"{run}-30");
    }

    private async Task<T> ShowAsync<T>(string run, Func<Run, T> look) => look(await Runs.GetRunAsync(new GetRunRequest { Id = run }, cancellationToken: Cancellation));

    private async Task<string> SubmitAsync(string file, string from = "") =>
        (await Runs.SubmitRunAsync(new SubmitRunRequest { File = file, From = from }, cancellationToken: Cancellation)).Id;

    private static string File(int epochs) => $$"""
        name: fake
        workload: image-classifier
        dataset: digits
        seed: 7
        model: { architecture: mlp, hidden: 8 }
        training:
          epochs: {{epochs}}
          batch_size: 64
          workers: { min: 1, max: 1 }
          checkpoint: { keep_best: 1, keep_last: 3 }
        """;
}
