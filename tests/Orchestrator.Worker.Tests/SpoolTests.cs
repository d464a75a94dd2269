using CsCheck;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Session;
using Orchestrator.Worker.Tests.Cluster;

namespace Orchestrator.Worker.Tests;

public sealed class SpoolTests : IDisposable
{
    private const long Roomy = 1 << 20;

    private readonly TestFolder folder = new();

    [Fact]
    public void Spool_holds_what_is_not_acknowledged_whatever_happens_to_it() => Gen.Int[0, 5].Array[0, 60].Sample(
        actions =>
        {
            var path = folder.In(Path.GetRandomFileName());
            var spool = ReportSpool.Open(path, Roomy);
            var waiting = new List<Report>();
            var last = 0UL;
            foreach (var action in actions)
            {
                switch (action)
                {
                    case 0 when waiting.Count > 0:
                        spool.Acknowledge(waiting[waiting.Count / 2].Sequence);
                        waiting.RemoveRange(0, (waiting.Count / 2) + 1);
                        break;
                    case 1:
                        spool.Dispose();
                        spool = ReportSpool.Open(path, Roomy);
                        break;
                    default:
                        var report = new Report { Run = "run", Rank = action, Epoch = new EpochFinished { Epoch = (int)last } };
                        Assert.True(spool.AppendAsync(report, CancellationToken.None).IsCompletedSuccessfully);
                        Assert.Equal(++last, report.Sequence);
                        waiting.Add(report);
                        break;
                }

                Assert.Equal(waiting, All(spool));
            }

            spool.Dispose();
        },
        iter: 200);

    [Fact]
    public async Task Nobody_is_ready_who_ended_with_the_agent_s_earlier_life()
    {
        var path = folder.In("spool");
        using (var spool = ReportSpool.Open(path, Roomy))
        {
            await spool.AppendAsync(new Report { Run = "run", Ready = new TaskReady { PeerAddress = "host:1" } }, CancellationToken.None);
            await spool.AppendAsync(new Report { Run = "run", Epoch = new EpochFinished { Epoch = 1 } }, CancellationToken.None);
        }

        using var again = ReportSpool.Open(path, Roomy);
        await again.AppendAsync(new Report { Run = "run", Ready = new TaskReady { PeerAddress = "host:2" } }, CancellationToken.None);
        Assert.Equal([(1UL, ""), (2UL, ""), (3UL, "host:2")], All(again).Select(report => (report.Sequence, report.Ready?.PeerAddress ?? "")));
        Assert.Equal(1, All(again)[1].Epoch.Epoch);
    }

    [Fact]
    public void Half_a_record_at_the_end_is_forgotten()
    {
        var path = folder.In("spool");
        using (var spool = ReportSpool.Open(path, Roomy))
        {
            Append(spool, 3);
        }

        using (var file = File.OpenWrite(path))
        {
            file.SetLength(file.Length - 2);
        }

        using var again = ReportSpool.Open(path, Roomy);
        Assert.Equal([1UL, 2UL], All(again).Select(report => report.Sequence));
        Append(again, 1);
        Assert.Equal([1UL, 2UL, 3UL], All(again).Select(report => report.Sequence));
    }

    [Fact]
    public async Task Full_spool_lets_reporters_wait_and_drops_step_metrics_only()
    {
        using var spool = ReportSpool.Open(folder.In("spool"), greatestBytes: 2000);
        while (spool.AppendAsync(Big(), CancellationToken.None).IsCompletedSuccessfully)
        {
        }

        var held = spool.AppendAsync(Big(), CancellationToken.None);
        await spool.AppendAsync(new Report { Steps = new StepMetrics() }, CancellationToken.None);
        Assert.Equal(1, spool.DroppedSteps);
        Assert.False(held.IsCompleted);

        spool.Acknowledge(spool.Last);
        await held;
        Assert.True(spool.ReadAfter(spool.Last - 1) is { Failed: not null });
    }

    [Fact]
    public void Coordinator_that_knows_more_than_the_folder_is_gone_on_from()
    {
        using var spool = ReportSpool.Open(folder.In("spool"), Roomy);
        spool.Acknowledge(41);
        Append(spool, 1);
        Assert.Equal(42UL, spool.Last);
    }

    public void Dispose() => folder.Dispose();

    private static Report Big() => new() { Failed = new TaskFailed { Detail = new string('x', 300) } };

    private static void Append(ReportSpool spool, int count)
    {
        for (var number = 0; number < count; number++)
        {
            Assert.True(spool.AppendAsync(new Report { Run = "run", Ended = new TaskEnded { Step = number } }, CancellationToken.None).IsCompletedSuccessfully);
        }
    }

    private static List<Report> All(ReportSpool spool)
    {
        var all = new List<Report>();
        while (spool.ReadAfter(all.Count > 0 ? all[^1].Sequence : spool.Acknowledged) is { } report)
        {
            all.Add(report);
        }

        return all;
    }
}
