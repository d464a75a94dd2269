using Orchestrator.V1;
using Orchestrator.Worker.Trainer;

namespace Orchestrator.Worker.Tests;

public sealed class GenerationOrdersTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Any_later_generation_ends_a_meeting_for_who_hears_of_both_at_once_goes_to_the_later_one(bool atBoundary)
    {
        var orders = new GenerationOrders();
        var ended = 0;
        orders.Meet(3, () => ended++);
        orders.Add(new BeginGeneration { Generation = 4, AtBoundary = atBoundary });
        Assert.Equal(1, ended);

        // Also where the word was there before.
        orders.Meet(3, () => ended++);
        Assert.Equal(2, ended);
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    public void A_generation_that_works_ends_at_its_boundary_or_at_once(bool atBoundary, int times)
    {
        var orders = new GenerationOrders();
        var ended = 0;
        orders.Run(3, () => ended++);
        orders.Add(new BeginGeneration { Generation = 4, AtBoundary = atBoundary });

        Assert.Equal((times, 4), (ended, orders.After(3)!.Generation));
    }

    [Fact]
    public void Who_waits_for_nobody_any_longer_ends_what_runs_and_what_would_begin()
    {
        var orders = new GenerationOrders();
        var ended = 0;
        orders.Run(3, () => ended++);
        orders.Abandon();
        Assert.Equal((1, true), (ended, orders.IsAbandoned));
        orders.Leave();
        orders.Meet(4, () => ended++);
        Assert.Equal(2, ended);
    }
}
