using Xunit;

namespace Orchestrator.Training.Tests;

public sealed class ShardPaceTests
{
    [Fact]
    public void A_pace_is_a_steps_work_by_the_shards_in_it_once_a_few_steps_are_done()
    {
        var pace = new ShardPace();
        for (var step = 0; step < 4; step++)
        {
            pace.Add(TimeSpan.FromMilliseconds(300), 3);
        }

        Assert.Equal(0, pace.Seconds);
        pace.Add(TimeSpan.FromMilliseconds(300), 3);
        Assert.Equal(0.1, pace.Seconds, 1e-12);
    }

    [Fact]
    public void One_late_step_changes_nothing_and_other_ranges_neither()
    {
        var pace = new ShardPace();
        for (var step = 0; step < 10; step++)
        {
            pace.Add(step == 4 ? TimeSpan.FromSeconds(9) : TimeSpan.FromMilliseconds(step < 5 ? 200 : 100), step < 5 ? 2 : 1);
        }

        Assert.Equal(0.1, pace.Seconds, 1e-12);
    }

    [Fact]
    public void What_has_become_slow_is_known_to_be_before_twenty_steps_are_over()
    {
        var pace = new ShardPace();
        for (var step = 0; step < 30; step++)
        {
            pace.Add(TimeSpan.FromMilliseconds(step < 15 ? 100 : 400), 1);
        }

        Assert.Equal(0.4, pace.Seconds, 1e-12);
        pace.Add(TimeSpan.FromSeconds(9), 0);
        Assert.Equal(0.4, pace.Seconds, 1e-12);
    }
}
