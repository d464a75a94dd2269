using CsCheck;
using Orchestrator.Control.Placement;
using Orchestrator.Control.Runs;

namespace Orchestrator.Control.Tests.Placement;

public sealed class GangPlacementTests
{
    private static readonly string[] Agents = ["a", "b", "c", "d"];

    private static readonly Gen<Slot[]> Clusters = Gen.Select(Gen.Int[0, 4], Gen.Bool).Array[Agents.Length].Select(agents => agents
        .SelectMany((agent, number) => Enumerable.Range(0, agent.Item1).Select(index => new Slot(new SlotId(Agents[number], index), agent.Item2 ? $"cuda:{index}" : "cpu")))
        .ToArray());

    private static readonly Gen<WaitingRun[]> Queues = Gen.Select(Gen.Int[0, 2], Gen.Int[1, 5], Gen.Int[0, 3], Gen.Int[0, 20]).Array[0, 8].Select(runs => runs
        .Select((run, number) => new WaitingRun($"r{number}", $"s{run.Item1}", run.Item2, run.Item2 + run.Item3, run.Item4 < Agents.Length ? [Agents[run.Item4]] : []))
        .ToArray());

    private static readonly Gen<PlacementSnapshot> Snapshots = Gen.Select(Clusters, Queues, Gen.Int[0, 100], Gen.Int).Select((cluster, queue, percent, seed) =>
    {
        var random = new Random(seed);
        return new PlacementSnapshot([.. cluster.Where(_ => random.Next(100) >= percent)], new ClusterShape(cluster), queue,
            Enumerable.Range(0, 3).ToDictionary(group => $"s{group}", _ => random.Next(4), StringComparer.Ordinal));
    });

    [Fact]
    public void Every_gang_gets_free_slots_of_one_kind_within_its_bounds_and_no_slot_goes_twice() => Snapshots.Sample(snapshot =>
    {
        var placed = GangPlacement.Place(snapshot);
        var given = placed.SelectMany(gang => gang.Slots).ToArray();
        Assert.Equal(given.Length, given.Distinct().Count());
        Assert.Equal(placed.Count, placed.DistinctBy(gang => gang.Run).Count());
        foreach (var gang in placed)
        {
            var run = snapshot.Waiting.Single(waiting => waiting.Run == gang.Run);
            Assert.InRange(gang.Slots.Count, run.Min, run.Max);
            var slots = gang.Slots.Select(id => snapshot.Free.Single(slot => slot.Id == id)).ToArray();
            Assert.Single(slots.Select(slot => slot.Kind).Distinct());
            Assert.DoesNotContain(slots, slot => run.Refused.Contains(slot.Id.Agent));
        }
    });

    [Fact]
    public void The_longest_waiting_run_that_free_slots_are_of_use_to_goes_first_or_nobody_does() => Snapshots.Sample(snapshot =>
    {
        var placed = GangPlacement.Place(snapshot);
        var oldest = snapshot.Waiting.FirstOrDefault(run =>
            snapshot.All.Fits(run.Min, run.Refused) && snapshot.Free.Any(slot => !run.Refused.Contains(slot.Id.Agent)));
        var couldStart = oldest is not null && new ClusterShape(snapshot.Free).Fits(oldest.Min, oldest.Refused);
        Assert.Equal(couldStart, placed.Count > 0);
    });

    [Fact]
    public void On_an_empty_cluster_something_starts_unless_nothing_can() => Gen.Select(Clusters, Queues).Sample((cluster, queue) =>
    {
        var all = new ClusterShape(cluster);
        var placed = GangPlacement.Place(new PlacementSnapshot(cluster, all, queue, new Dictionary<string, int>()));
        Assert.Equal(queue.Any(run => all.Fits(run.Min, run.Refused)), placed.Count > 0);
    });

    [Fact]
    public void Every_run_that_fits_the_cluster_gets_its_turn_whoever_else_comes() => Gen.Select(Clusters, Queues, Gen.Int).Sample((cluster, queue, seed) =>
    {
        var random = new Random(seed);
        var all = new ClusterShape(cluster);
        var waiting = queue.Where(run => all.Fits(run.Min, run.Refused)).ToList();
        var running = new Dictionary<string, (string Group, IReadOnlyList<SlotId> Slots)>(StringComparer.Ordinal);
        var late = 0;
        for (var turn = 0; queue.Any(run => waiting.Contains(run)); turn++)
        {
            Assert.True(turn < 200, "someone waits for ever");
            var held = running.Values.SelectMany(gang => gang.Slots).ToHashSet();
            foreach (var gang in GangPlacement.Place(new PlacementSnapshot([.. cluster.Where(slot => !held.Contains(slot.Id))], all, waiting, HeldBy(running.Values))))
            {
                Assert.Empty(gang.Slots.Intersect(held));
                var run = waiting.Find(run => run.Run == gang.Run)!;
                waiting.Remove(run);
                running[gang.Run] = (run.Group, gang.Slots);
            }

            // One ends, and somebody small and eager comes.
            running.Remove(running.Keys.ElementAt(random.Next(running.Count)));
            waiting.Add(new WaitingRun($"late{late++}", "eager", 1, 1, []));
        }
    });

    [Fact]
    public void Sweeps_that_always_have_work_share_the_cluster()
    {
        Slot[] cluster = [.. Enumerable.Range(0, 8).Select(index => new Slot(new SlotId("a", index), "cpu"))];
        var held = new Dictionary<string, int> { ["s0"] = 6 };
        var waiting = Enumerable.Range(0, 20).Select(number => new WaitingRun($"r{number}", number < 10 ? "s0" : "s1", 1, 1, [])).ToArray();
        var placed = GangPlacement.Place(new PlacementSnapshot(cluster[6..], new ClusterShape(cluster), waiting, held));
        Assert.Equal(["r10", "r11"], placed.Select(gang => gang.Run));
    }

    [Fact]
    public void A_gang_stays_on_one_agent_where_one_has_room_and_takes_the_one_with_least_to_spare()
    {
        Slot[] cluster = [Cpu("a", 0), Cpu("a", 1), Cpu("a", 2), Cpu("b", 0), Cpu("b", 1), Cpu("c", 0)];
        var placed = Place(cluster, new WaitingRun("r", "s", 2, 2, []));
        Assert.Equal([new SlotId("b", 0), new SlotId("b", 1)], placed.Single().Slots);
    }

    [Fact]
    public void A_gang_grows_to_its_max_only_where_nobody_else_waits()
    {
        Slot[] cluster = [Cpu("a", 0), Cpu("a", 1), Cpu("b", 0)];
        Assert.Equal(3, Place(cluster, new WaitingRun("r", "s", 1, 4, [])).Single().Slots.Count);
        Assert.Equal([1, 2], Place(cluster, new WaitingRun("r", "s", 1, 4, []), new WaitingRun("q", "s", 2, 2, [])).Select(gang => gang.Slots.Count).Order());
        Assert.Single(Place(cluster, new WaitingRun("r", "s", 1, 4, []), new WaitingRun("q", "s", 3, 3, [])).Single().Slots);
    }

    [Fact]
    public void A_run_that_every_machine_with_room_refuses_holds_nobody_up()
    {
        Slot[] cluster = [Cpu("a", 0), Cpu("b", 0)];
        // With a out, two slots are never to be had.
        Assert.Equal(["q"], Place(cluster, new WaitingRun("r", "s", 2, 2, ["a"]), new WaitingRun("q", "t", 1, 1, [])).Select(gang => gang.Run));
    }

    private static Slot Cpu(string agent, int index) => new(new SlotId(agent, index), "cpu");

    private static IReadOnlyList<PlacedGang> Place(Slot[] cluster, params WaitingRun[] waiting) =>
        GangPlacement.Place(new PlacementSnapshot(cluster, new ClusterShape(cluster), waiting, new Dictionary<string, int>()));

    private static Dictionary<string, int> HeldBy(IEnumerable<(string Group, IReadOnlyList<SlotId> Slots)> running) =>
        running.GroupBy(gang => gang.Group).ToDictionary(group => group.Key, group => group.Sum(gang => gang.Slots.Count), StringComparer.Ordinal);
}
