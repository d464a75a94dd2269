using System.Diagnostics;
using System.Text;
using Orchestrator.Coordinator.Hosting;

namespace Orchestrator.Simulation.Tests;

/// <summary>
/// The product's own membership and commit protocol, on a virtual clock: coordinators, agents and trainers that die, freeze, thaw, get cut off, restart, drain and join, as a seed decides. A seed that
/// fails prints what to run again: <c>ORCH_SEED=N</c> plays that one alone, ORCH_SEEDS=A-B a range.
/// </summary>
public sealed class SimulationTests : IDisposable
{
    private const int Schedules = 10_000;

    private readonly string folder = Directory.CreateTempSubdirectory("orch-simulation").FullName;
    private readonly DataDirectory directory;

    public SimulationTests() => directory = DataDirectory.Open(folder);

    public void Dispose()
    {
        directory.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Every_promise_holds_in_ten_thousand_histories()
    {
        var (first, end) = Range();
        var failures = new List<(int Seed, string Why)>();
        for (var seed = first; seed < end; seed++)
        {
            if (Play(Schedule.Of(seed)).Violation is { } violation)
            {
                failures.Add((seed, violation.Message));
            }
        }

        Assert.True(
            failures.Count == 0,
            failures.Count == 0 ? "" : $"{failures.Count} of {end - first} fail\n{string.Join('\n', failures.Select(failure => $"seed {failure.Seed}: {failure.Why}"))}\n\n{Describe(failures[0].Seed)}");
    }

    [Fact]
    public void The_same_seed_is_the_same_history()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            Assert.Equal(Play(Schedule.Of(seed)).History, Play(Schedule.Of(seed)).History);
        }
    }

    private VirtualWorld Play(Schedule schedule) => Simulation.Play(schedule, directory);

    /// <summary>What went wrong, with as few faults as do it, and how it came to that.</summary>
    private string Describe(int seed)
    {
        var schedule = Schedule.Of(seed);
        for (var index = 0; index < schedule.Faults.Count;)
        {
            var shorter = schedule.Without(index);
            (schedule, index) = Play(shorter).Violation is not null ? (shorter, 0) : (schedule, index + 1);
        }

        var world = Play(schedule);
        var text = new StringBuilder().AppendLine(world.Violation!.Message).AppendLine(schedule.ToString());
        text.AppendLine(Schedule.Of(seed).Faults.Count == schedule.Faults.Count ? "" : $"(of {Schedule.Of(seed).Faults.Count} faults)");
        foreach (var line in world.Lines)
        {
            text.AppendLine(line);
        }

        return text.ToString();
    }

    private static (int First, int End) Range()
    {
        if (Environment.GetEnvironmentVariable("ORCH_SEEDS") is { } range)
        {
            var parts = range.Split('-');
            return (int.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture), int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture));
        }

        return Environment.GetEnvironmentVariable("ORCH_SEED") is { } one && int.TryParse(one, out var seed) ? (seed, seed + 1) : (0, Schedules);
    }
}
