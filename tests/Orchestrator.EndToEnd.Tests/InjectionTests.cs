using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Trainers that die, freeze or are late at an exact place of their work. One cluster has a run for each case, all at once; the tests look at how they ended.</summary>
public sealed class InjectionTests(InjectionTests.Runs runs) : IClassFixture<InjectionTests.Runs>
{
    /// <summary>Epochs of 23 steps, a checkpoint at each.</summary>
    private const int Epochs = 3;

    // Trainers are named by the generation and the rank that they were started for. Whoever replaces one that is lost in the first generation is 2.1.
    private static readonly Dictionary<string, string[]> Cases = new(StringComparer.Ordinal)
    {
        ["join"] = ["1.1:0:join:kill"],
        ["data"] = ["1.0:30:data:kill"],
        ["forward"] = ["1.1:31:forward:kill"],
        ["backward"] = ["1.0:32:backward:kill"],
        ["totals"] = ["1.1:33:totals:kill"],
        ["gradients"] = ["1.0:34:gradients:kill"],
        ["update"] = ["1.1:35:update:kill"],
        ["applied"] = ["1.0:36:applied:kill"],
        ["last-applied"] = ["1.1:68:applied:kill"],
        ["evaluate"] = ["1.0:46:evaluate:kill"],
        ["epoch"] = ["1.0:46:epoch:kill"],
        ["checkpoint"] = ["1.0:46:checkpoint:kill"],
        ["write"] = ["1.0:46:write:kill"],
        ["end"] = ["1.0:69:end:kill"],
        ["newcomer-join"] = ["1.0:25:backward:kill", "2.1:0:join:kill"],
        ["newcomer-transfer"] = ["1.1:25:backward:kill", "2.1:0:transfer:kill"],
        ["freeze"] = ["1.0:40:gradients:freeze"],
        ["hang"] = ["1.1:41:forward:delay=600000"],
        ["late"] = ["1.1:27:totals:delay=1500"],
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory(Timeout = 420_000)]
    [MemberData(nameof(Names))]
    public Task A_trainer_that_fails_at_an_exact_point_costs_no_step_and_no_bit(string name) => runs.AssertUnharmedAsync(name);

    /// <summary>The training thread first, as it stood: stopped from outside, or asleep in the middle of a step.</summary>
    [Theory(Timeout = 420_000)]
    [InlineData("freeze", "[1.0]", "no sign of life for 1 s; the trainer's threads:", "stopped in ")]
    [InlineData("hang", "[1.1]", "no progress; the trainer's threads:", "sleeping in ")]
    public async Task What_a_trainer_that_stood_still_was_doing_stands_in_its_runs_log(string name, string trainer, string heading, string state)
    {
        var log = await runs.LogOnceAsync(name, trainer, "  at Orchestrator.Training.TrainingLoop.Step(");
        var at = Array.IndexOf(log, heading);
        Assert.Contains($": {state}", log[at + 1], StringComparison.Ordinal);
        Assert.Equal(log[at + 1].Split('(')[0].Trim(), log.Skip(at + 2).First(line => !line.Contains('(', StringComparison.Ordinal)).Trim());
        Assert.Contains("    at Orchestrator.Worker.Trainer.InjectedFaults.At(Orchestrator.Training.TrainingPoint, Int64)", log.Skip(at));
    }

    /// <summary>All cases' runs, under way.</summary>
    public sealed class Runs() : InjectedRuns(Cases, Epochs, "[16]");
}
