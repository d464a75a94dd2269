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

    [Fact]
    public void What_nobody_waits_for_goes_to_the_run_that_the_others_of_its_sweep_wait_for()
    {
        var ahead = Growing("ahead", needed: 0, room: 3, "a") with { Group = "s", Due = 5, Left = TimeSpan.FromHours(2) };
        var behind = Growing("behind", needed: 0, room: 2, "b") with { Group = "s", Due = 3, Left = TimeSpan.FromHours(1) };
        Assert.Equal([("behind", "c0,c1")], Place(["c", "c"], [], [ahead, behind]));
        Assert.Equal([("behind", "c0,c1"), ("ahead", "c2")], Place(["c", "c", "c"], [], [ahead, behind]).OrderByDescending(gang => gang.Item1));

        // Also before one that has just got its first slot, and is not waited for yet.
        Assert.Equal([("behind", "c1,c2"), ("new", "c0")], Place(["c", "c", "c"], [new WaitingRun("new", "s", 1, 3, [], Due: 5)], [behind]).OrderBy(gang => gang.Item1));
    }

    [Fact]
    public void Of_runs_that_are_as_far_the_one_that_takes_longest_gets_more()
    {
        var quick = Growing("quick", needed: 0, room: 3, "a") with { Group = "s", Due = 3, Left = TimeSpan.FromMinutes(10) };
        var slow = Growing("slow", needed: 0, room: 3, "b") with { Group = "s", Due = 3, Left = TimeSpan.FromMinutes(25) };

        // With two workers it would take 12.5 minutes, with three 8.3.
        Assert.Equal([("quick", "c2"), ("slow", "c0,c1")], Place(["c", "c", "c"], [], [quick, slow]).OrderBy(gang => gang.Item1));
    }

    private static GrowingRun Growing(string run, int needed, int room, string agent) => new(run, run, [new SlotId(agent, 9)], needed, room, []);

    private static (string, string)[] Place(string[] free, WaitingRun[] waiting, GrowingRun growing, params string[] taken) => Place(free, waiting, [growing], taken);

    private static (string, string)[] Place(string[] free, WaitingRun[] waiting, GrowingRun[] growing, params string[] taken)
    {
        Slot[] slots = [.. free.GroupBy(agent => agent).SelectMany(agent => agent.Select((_, index) => new Slot(new SlotId(agent.Key, index), "cpu")))];
        var all = new ClusterShape([.. slots, .. taken.Select(agent => new Slot(new SlotId(agent, 0), "cpu"))]);
        var snapshot = new PlacementSnapshot(slots, all, waiting, new Dictionary<string, int>()) { Growing = growing };
        return [.. GangPlacement.Place(snapshot).Select(gang => (gang.Run, string.Join(',', gang.Slots.Select(slot => $"{slot.Agent}{slot.Index}"))))];
    }
}
