using Orchestrator.Control.Placement;
using Orchestrator.Control.Runs;

namespace Orchestrator.Control.Tests.Placement;

public sealed class GrowthTests
{
    [Fact]
    public void What_nobody_waits_for_goes_to_runs_that_work_near_what_they_have()
    {
        var placed = Place(["a", "b", "b"], [], Growing("r", needed: 0, room: 2, "b"));
        Assert.Equal([("r", "b0,b1")], placed);
    }

    [Fact]
    public void Those_who_wait_come_first() =>
        Assert.Equal([("w", "a0")], Place(["a"], [new WaitingRun("w", "w", 1, 1, [])], Growing("r", needed: 0, room: 2, "z")));

    [Fact]
    public void A_gang_that_waits_for_more_than_is_free_keeps_it_from_growing_others() =>
        Assert.Empty(Place(["a"], [new WaitingRun("w", "w", 2, 2, [])], Growing("r", needed: 0, room: 2, "z"), "y"));

    [Fact]
    public void Who_must_hand_over_comes_before_all() =>
        Assert.Equal([("r", "a0")], Place(["a"], [new WaitingRun("w", "w", 1, 1, [])], Growing("r", needed: 1, room: 2, "z")));

    [Fact]
    public void An_agent_that_a_run_does_not_go_to_helps_it_nothing() =>
        Assert.Empty(Place(["a"], [], Growing("r", needed: 0, room: 2, "z") with { Refused = ["a"] }));

    private static GrowingRun Growing(string run, int needed, int room, string agent) => new(run, run, [new SlotId(agent, 9)], needed, room, []);

    private static (string, string)[] Place(string[] free, WaitingRun[] waiting, GrowingRun growing, params string[] taken)
    {
        Slot[] slots = [.. free.GroupBy(agent => agent).SelectMany(agent => agent.Select((_, index) => new Slot(new SlotId(agent.Key, index), "cpu")))];
        var all = new ClusterShape([.. slots, .. taken.Select(agent => new Slot(new SlotId(agent, 0), "cpu"))]);
        var snapshot = new PlacementSnapshot(slots, all, waiting, new Dictionary<string, int>()) { Growing = [growing] };
        return [.. GangPlacement.Place(snapshot).Select(gang => (gang.Run, string.Join(',', gang.Slots.Select(slot => $"{slot.Agent}{slot.Index}"))))];
    }
}
