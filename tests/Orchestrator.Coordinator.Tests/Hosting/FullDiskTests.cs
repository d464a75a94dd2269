using System.Net;
using Grpc.Core;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Coordinator.Tests.Sessions;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Hosting;

/// <summary>A coordinator whose disk is full: a real file system of a few megabytes.</summary>
public sealed class FullDiskTests : IAsyncLifetime
{
    private const int Epochs = 3;
    private static readonly TimeSpan Patience = RunningCoordinator.Patience;

    private readonly SmallDisk disk = SmallDisk.Mount(megabytes: 32);
    private readonly FakeAgent agent = new("a");
    private readonly TaskCompletionSource beyondFirst = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RunningCoordinator coordinator = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private RunService.RunServiceClient Runs => new(coordinator.Grpc);

    public async ValueTask InitializeAsync()
    {
        coordinator = await RunningCoordinator.StartInAsync(disk["data"]);
        agent.Trainer = task => FakeTrainer.TrainAsync(agent, task, Epochs, epoch => epoch == 1 ? Task.CompletedTask : beyondFirst.Task);
        await agent.ConnectAsync(coordinator.Grpc.CreateCallInvoker());
    }

    public async ValueTask DisposeAsync()
    {
        await agent.DisposeAsync();
        await coordinator.DisposeAsync();
        disk.Dispose();
    }

    [Fact]
    public async Task It_says_so_once_refuses_work_loses_nothing_and_goes_on_when_there_is_room()
    {
        var told = Told();
        var runs = new List<string> { await SubmitAsync() };
        await Eventually.TrueAsync(async () => (await GetAsync(runs[0])).Epoch == 1, Patience);
        disk.Fill();

        // What was answered stands, also the last before the disk was full.
        var refusal = await SubmitUntilRefusedAsync(runs);
        Assert.Equal(StatusCode.ResourceExhausted, refusal.StatusCode);
        Assert.Equal(("journal-full", "Make room: it goes on by itself."), Detail(refusal));
        Assert.Matches("^Unhealthy\njournal: The disk of the journal .* is full$", (await AskAsync(HttpStatusCode.ServiceUnavailable)));

        // The run goes on meanwhile, to an end that can't be written down.
        beyondFirst.SetResult();
        await Eventually.TrueAsync(() => agent.Tasks.Count == 0, Patience);
        await Assert.ThrowsAsync<RpcException>(SubmitAsync);
        Assert.True(agent.Unacknowledged > 0);
        Assert.Equal("running", (await GetAsync(runs[0])).State);
        disk.Free();
        // Its session ended over the report that could not be journalled; agents come back by themselves.
        await agent.ConnectAsync(coordinator.Grpc.CreateCallInvoker());

        foreach (var id in runs)
        {
            await Eventually.TrueAsync(async () => (await GetAsync(id)).State == "succeeded", Patience);
            var run = await GetAsync(id);
            Assert.Equal([1, 2, 3], run.History.Select(epoch => epoch.Epoch));
            Assert.Equal((1, 0, 0L), (run.Generation, run.Failures.Count, run.StepsLost));
        }

        Assert.Equal("Healthy", await AskAsync(HttpStatusCode.OK));
        Assert.Equal(["journal-full", "well"], told);
        await Eventually.TrueAsync(() => agent.Unacknowledged == 0, Patience);
    }

    /// <summary>What the operator is told of the journal.</summary>
    private List<string> Told()
    {
        var told = new List<string>();
        var trouble = ((SqlJournal)coordinator.Get<IJournal>()).Trouble;
        var log = trouble.Changed;
        trouble.Changed = news =>
        {
            told.Add(news?.Code ?? "well");
            log(news);
        };
        return told;
    }

    private async Task<RpcException> SubmitUntilRefusedAsync(List<string> accepted)
    {
        while (true)
        {
            try
            {
                accepted.Add(await SubmitAsync());
            }
            catch (RpcException refusal)
            {
                return refusal;
            }
        }
    }

    private static (string Code, string Mend) Detail(RpcException refusal)
    {
        var detail = refusal.GetRpcStatus()!.GetDetail<UserError>()!;
        return (detail.Code, detail.Mend);
    }

    private async Task<string> AskAsync(HttpStatusCode expected)
    {
        using var response = await coordinator.Web.GetAsync(new Uri("/health/ready", UriKind.Relative), Cancellation);
        var said = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.StatusCode == expected, said);
        return said.Trim();
    }

    private async Task<Run> GetAsync(string id) => await Runs.GetRunAsync(new GetRunRequest { Id = id }, cancellationToken: Cancellation);

    private async Task<string> SubmitAsync() => (await Runs.SubmitRunAsync(
        new SubmitRunRequest
        {
            File = $$"""
                name: fake
                workload: image-classifier
                dataset: digits
                model: { architecture: mlp, hidden: 8 }
                training: { epochs: {{Epochs}}, batch_size: 64, workers: { min: 1, max: 1 } }
                """,
        },
        cancellationToken: Cancellation)).Id;
}
