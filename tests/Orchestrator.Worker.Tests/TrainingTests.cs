using System.Security.Cryptography;
using Orchestrator.V1;
using Orchestrator.Worker.Tests.Cluster;

namespace Orchestrator.Worker.Tests;

public sealed class TrainingTests : IAsyncLifetime
{
    private readonly TestFolder folder = new();
    private FakeCoordinator coordinator = null!;
    private AgentProcess agent = null!;

    [Fact]
    public async Task Two_trainers_of_one_agent_end_with_equal_weights_and_store_their_checkpoint_first()
    {
        await coordinator.RunAsync("run", worldSize: 2, Specs.Digits(epochs: 4));
        var ended = new[]
        {
            await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Ended),
            await coordinator.ReportAsync("run", 1, 1, Report.ReportOneofCase.Ended),
        };

        Assert.Equal(64, ended[0].Ended.WeightsHash.Length);
        Assert.Equal(ended[0].Ended.WeightsHash, ended[1].Ended.WeightsHash);
        Assert.Equal(4, ended[0].Ended.Epoch);
        var epochs = coordinator.Reports.Where(report => report.ReportCase == Report.ReportOneofCase.Epoch).ToArray();
        Assert.Equal([1, 2, 3, 4], epochs.Select(report => report.Epoch.Epoch));
        Assert.All(epochs, report => Assert.Equal(0, report.Rank));
        Assert.All(epochs, report => Assert.InRange(report.Epoch.Metrics["val_accuracy"], 0.05, 1));

        var written = coordinator.Reports.Where(report => report.ReportCase == Report.ReportOneofCase.Checkpoint).Select(report => report.Checkpoint).ToArray();
        var losses = epochs.Select(report => report.Epoch.Metrics["val_loss"]).ToArray();
        var bests = Enumerable.Range(1, 4).Where(epoch => losses[..(epoch - 1)].All(loss => losses[epoch - 1] < loss));
        Assert.Equal(bests.Union([2, 4]).Order(), written.Select(checkpoint => checkpoint.Epoch));
        Assert.Equal(ended[0].Ended.WeightsHash, written[^1].ModelSha256);
        Assert.Equal("memory:" + written[^1].Checkpoint, written[^1].Uri);
        var model = coordinator.Checkpoints[written[^1].Checkpoint]["model.safetensors"];
        Assert.Equal(written[^1].ModelSha256, Convert.ToHexStringLower(SHA256.HashData(model)));
        Assert.True(coordinator.Reports.Single(report => Equals(report.Checkpoint, written[^1])).Sequence < ended[0].Sequence);
        Assert.Contains(coordinator.Reports, report => report.ReportCase == Report.ReportOneofCase.Steps);
        var reports = coordinator.Reports;
        Assert.Equal(Enumerable.Range(1, reports.Count).Select(number => (ulong)number), reports.Select(report => report.Sequence));

        Assert.Equal(coordinator.ChunksFetched.Distinct(), coordinator.ChunksFetched);
        await Eventually.Holds(() => agent.Trainers.Count == 0, () => "trainers stay after their task");
        await Eventually.Holds(() => Directory.GetFileSystemEntries(folder.In("tasks")).Length == 0, () => "a task's folder stays");
    }

    [Fact]
    public async Task Agent_never_loads_libtorch_and_tells_how_its_trainers_do()
    {
        await coordinator.RunAsync("run", worldSize: 1, Specs.Digits(epochs: 3));
        await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Ended);

        Assert.DoesNotContain("torch", string.Join('\n', File.ReadLines($"/proc/{agent.Pid}/maps").Where(line => line.EndsWith(".so", StringComparison.Ordinal))), StringComparison.OrdinalIgnoreCase);
        var progress = coordinator.Heartbeats.SelectMany(heartbeat => heartbeat.Tasks).ToArray();
        Assert.Contains(progress, task => task is { Run: "run", Pid: > 0 } && task.Phase == "loading");
        await Eventually.Holds(() => coordinator.LogLines.Any(line => line.Contains("trains shards 0 to 3", StringComparison.Ordinal)), () => string.Join('\n', coordinator.LogLines));
    }

    [Fact]
    public async Task Resumed_run_ends_with_the_weights_of_an_undisturbed_one()
    {
        await coordinator.RunAsync("run", worldSize: 2, Specs.Digits(epochs: 4));
        var whole = await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Ended);
        var half = coordinator.Reports.First(report => report.ReportCase == Report.ReportOneofCase.Checkpoint && report.Checkpoint.Epoch == 2).Checkpoint;

        await coordinator.RunAsync("run", worldSize: 1, Specs.Digits(epochs: 4), generation: 2, checkpoint: half.Checkpoint);
        var resumed = await coordinator.ReportAsync("run", 2, 0, Report.ReportOneofCase.Ended);

        Assert.Equal(whole.Ended.WeightsHash, resumed.Ended.WeightsHash);
        Assert.Equal([3, 4], coordinator.Reports.Where(report => report.Generation == 2 && report.Epoch is not null).Select(report => report.Epoch.Epoch));
    }

    [Fact]
    public async Task Test_split_is_scored_by_a_checkpoint_without_training()
    {
        await coordinator.RunAsync("run", worldSize: 1, Specs.Digits(epochs: 2));
        await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Ended);
        var assignment = coordinator.Assignment("run", 0, 1, Specs.Digits(epochs: 2), generation: 2);
        assignment.Checkpoint = coordinator.Checkpoints.Keys.First();
        assignment.EvaluateTest = true;

        await coordinator.SendAsync(new CoordinatorMessage { Assign = assignment });

        var scored = await coordinator.ReportAsync("run", 2, 0, Report.ReportOneofCase.Ended);
        Assert.InRange(scored.Ended.Metrics["test_accuracy"], 0.05, 1);
        Assert.DoesNotContain(coordinator.Reports, report => report.Generation == 2 && report.ReportCase == Report.ReportOneofCase.Epoch);
    }

    [Fact]
    public async Task Stopped_gracefully_a_run_ends_after_its_epoch_with_a_checkpoint()
    {
        await coordinator.RunAsync("run", worldSize: 2, Specs.Digits(epochs: 2000));
        await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Epoch);

        await coordinator.SendAsync(new CoordinatorMessage { Stop = new StopTask { Task = new TaskId { Run = "run", Generation = 1, Rank = 1 }, Gracefully = true } });

        var ended = await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Ended);
        var last = coordinator.Reports.Last(report => report.ReportCase == Report.ReportOneofCase.Checkpoint);
        Assert.True(ended.Ended.Stopped);
        Assert.InRange(ended.Ended.Epoch, 1, 1999);
        Assert.Equal(ended.Ended.Epoch, last.Checkpoint.Epoch);
        Assert.Equal(ended.Ended.WeightsHash, last.Checkpoint.ModelSha256);
        Assert.True((await coordinator.ReportAsync("run", 1, 1, Report.ReportOneofCase.Ended)).Ended.Stopped);
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
}
