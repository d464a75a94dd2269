using Orchestrator.Testing;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Session;
using Orchestrator.Worker.Tests.Cluster;
using Eventually = Orchestrator.Worker.Tests.Cluster.Eventually;

namespace Orchestrator.Worker.Tests;

/// <summary>Agents and trainers whose disk is full: a real file system of a few megabytes.</summary>
public sealed class FullDiskTests : IAsyncLifetime
{
    /// <summary>Many more than are trained before the disk is full.</summary>
    private const int Epochs = 100;

    private readonly SmallDisk disk = SmallDisk.Mount(megabytes: 16);
    private FakeCoordinator coordinator = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_run_whose_disk_is_full_says_so_waits_and_ends_with_the_same_weights()
    {
        using var agent = new AgentProcess(coordinator.Address, disk["agent"], "--no-spare");
        await coordinator.RunAsync("undisturbed", worldSize: 1, Specs.Digits(Epochs));
        var whole = await coordinator.ReportAsync("undisturbed", 1, 0, Report.ReportOneofCase.Ended);

        await coordinator.RunAsync("run", worldSize: 1, Specs.Digits(Epochs));
        await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Epoch);
        await FillAsync();
        disk.Free();

        var ended = await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Ended);
        Assert.Equal(whole.Ended.WeightsHash, ended.Ended.WeightsHash);
        Assert.Equal(Enumerable.Range(1, Epochs), coordinator.Reports.Where(report => report.Run == "run" && report.Epoch is not null).Select(report => report.Epoch.Epoch));
        Assert.Equal(ended.Ended.WeightsHash, coordinator.Reports.Last(report => report.Run == "run" && report.Checkpoint is not null).Checkpoint.ModelSha256);
        Assert.DoesNotContain(coordinator.Reports, report => report.Failed is not null);
        Assert.Equal(1, coordinator.LogLines.Count(line => line.Contains("no space is left", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Where_nobody_makes_room_the_task_is_lost_in_one_line_that_says_why()
    {
        using var agent = new AgentProcess(coordinator.Address, disk["agent"], "--no-spare");
        await coordinator.RunAsync("run", worldSize: 1, Specs.Digits(100_000));
        await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Checkpoint);
        await FillAsync();

        var failed = (await coordinator.ReportAsync("run", 1, 0, Report.ReportOneofCase.Failed)).Failed;

        Assert.Equal("lost", failed.Kind);
        Assert.Matches("^checkpoint run-[0-9]+ can't be written: no space is left in .*/checkpoints; free some$", failed.Message);
    }

    [Fact]
    public async Task A_spool_on_a_full_disk_keeps_its_reporters_waiting_and_loses_nothing()
    {
        var warnings = new List<string>();
        var appended = 1;
        using (var spool = ReportSpool.Open(disk["spool"], greatestBytes: 64 << 20, warn: warnings.Add))
        {
            await spool.AppendAsync(Epoch(1), Cancellation);
            disk.Fill();
            // The last page of its file is its own.
            Task waiting;
            while ((waiting = spool.AppendAsync(Epoch(++appended), Cancellation)).IsCompletedSuccessfully)
            {
            }

            Assert.True(spool.AppendAsync(new Report { Run = "run", Steps = new StepMetrics() }, Cancellation).IsCompletedSuccessfully);
            Assert.Equal((1, (ulong)(appended - 1)), (spool.DroppedSteps, spool.Last));
            Assert.Single(warnings, line => line.Contains(disk["spool"], StringComparison.Ordinal));
            disk.Free();
            await waiting;
        }

        using var again = ReportSpool.Open(disk["spool"], greatestBytes: 64 << 20);
        for (var epoch = 1; epoch <= appended; epoch++)
        {
            Assert.Equal(epoch, again.ReadAfter((ulong)epoch - 1)!.Epoch.Epoch);
        }
    }

    [Fact]
    public async Task A_spool_on_a_full_disk_goes_on_in_the_room_of_what_was_acknowledged()
    {
        using var spool = ReportSpool.Open(disk["spool"], greatestBytes: 64 << 20);
        await spool.AppendAsync(Epoch(1), Cancellation);
        disk.Fill();
        var last = 1;
        Task waiting;
        while ((waiting = spool.AppendAsync(Epoch(++last), Cancellation)).IsCompletedSuccessfully)
        {
        }

        spool.Acknowledge((ulong)last - 1);

        await waiting;
        Assert.Equal(last, spool.ReadAfter((ulong)last - 1)!.Epoch.Epoch);
        Assert.Null(spool.ReadAfter((ulong)last));
    }

    public async ValueTask InitializeAsync() => coordinator = await FakeCoordinator.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await coordinator.DisposeAsync();
        disk.Dispose();
    }

    /// <summary>Until the trainer finds no room: a checkpoint that was on its way leaves as much as the next one takes.</summary>
    private Task FillAsync()
    {
        const int LooksBetween = 25;
        var looks = 0;
        return Eventually.Holds(
            () =>
            {
                // Seldom: the agent makes room for its reports where the old ones were.
                if (looks++ % LooksBetween == 0)
                {
                    disk.Fill();
                }

                return coordinator.LogLines.Any(line => line.Contains("no space is left", StringComparison.Ordinal));
            },
            () => string.Join('\n', coordinator.LogLines));
    }

    private static Report Epoch(int epoch) => new() { Run = "run", Epoch = new EpochFinished { Epoch = epoch } };
}
