using Microsoft.Extensions.Time.Testing;
using Orchestrator.Coordinator.Runs;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Runs;

public sealed class RunProgressTests
{
    [Fact]
    public void Steps_are_timed_where_reports_of_them_run_ahead_of_heartbeats()
    {
        var time = new FakeTimeProvider();
        var progress = new RunProgress(generation: 1, time);
        for (var second = 1; second <= 3; second++)
        {
            progress.Reached((second * 500) + 400);
            progress.Hear(new TaskProgress { Step = second * 500, Phase = "training" }, rank: 0);
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(TimeSpan.FromMilliseconds(2), progress.MedianStep());
        Assert.Equal(1900, progress.Step);
    }
}
