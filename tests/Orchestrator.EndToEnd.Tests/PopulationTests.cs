using System.Text.Json;
using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Population based training: new trials go on from real checkpoints of better ones.</summary>
public sealed class PopulationTests : ClusterTest
{
    private static readonly string[] Population =
    [
        Product.Sample("population.yaml"), "--set", "search.parallel=4", "--set", "training.epochs=6", "--set", "search.sampler.every=2 epochs", "--set", "training.workers.max=1",
    ];

    [Fact(Timeout = 240_000)]
    public async Task One_worker_two_workers_and_a_killed_coordinator_give_the_same_lineage_and_weights()
    {
        var one = await UpAsync("--workers", "1");
        var alone = await one.EndOfSweepAsync(await one.SubmitSweepAsync(Population));
        Assert.Equal("succeeded", alone.Text("state"));
        await SweepTable.NothingWasRunTwiceAsync(one, alone);

        // Four members, and one in place of the worst after two epochs and after four.
        var trials = alone.Items("trials").ToArray();
        Assert.Equal(6, trials.Length);
        var copies = trials.Where(trial => trial.TryGetProperty("from", out _)).ToArray();
        Assert.Equal([2, 4], copies.Select(copy => (int)copy.GetProperty("from").Number("epoch")));
        Assert.Equal(4, trials.Count(trial => trial.Text("state") == "succeeded"));
        foreach (var copy in copies)
        {
            // Its run trained only what came after, from a copy of the source's checkpoint.
            var run = await one.RunAsync(copy.Text("run"));
            var from = copy.GetProperty("from");
            Assert.StartsWith($"{trials[(int)from.Number("trial")].Text("run")}-", run.Text("from"), StringComparison.Ordinal);
            Assert.Equal(from.Number("epoch") + 1, run.Items("history").First().Number("epoch"));
            Assert.NotEqual(trials[(int)from.Number("trial")].GetProperty("parameters").GetRawText(), copy.GetProperty("parameters").GetRawText());
        }

        var expected = await TableAsync(one, alone);
        var two = await UpAsync("--workers", "2");
        Assert.Equal(expected, await TableAsync(two, await two.EndOfSweepAsync(await two.SubmitSweepAsync(Population))));

        var disturbed = await two.SubmitSweepAsync(Population);
        await two.UntilSweepAsync(disturbed, sweep => sweep.Items("trials").Count() > 4);
        await two.KillCoordinatorAsync();
        await two.UpAsync();
        Assert.Equal(expected, await TableAsync(two, await two.EndOfSweepAsync(disturbed)));
    }

    [Fact(Timeout = 240_000)]
    public async Task Programs_go_on_in_the_directories_of_better_ones_and_those_that_do_not_stand_still_are_told()
    {
        var file = Product.Sample("command/population.yaml");
        var one = await UpAsync("--workers", "1");
        var alone = await one.EndOfSweepAsync(await one.SubmitSweepAsync(file));
        Assert.Equal("succeeded", alone.Text("state"));
        var copies = alone.Items("trials").Where(trial => trial.TryGetProperty("from", out _)).ToArray();
        Assert.Equal([3, 6], copies.Select(copy => (int)copy.GetProperty("from").Number("epoch")));
        var logs = (await one.Orch.RunAsync("run", "logs", copies[0].Text("run"))).Output;
        Assert.Contains("from epoch 3", logs, StringComparison.Ordinal);
        Assert.DoesNotContain("from epoch 0", logs, StringComparison.Ordinal);

        var two = await UpAsync("--workers", "2");
        Assert.Equal(await TableAsync(one, alone), await TableAsync(two, await two.EndOfSweepAsync(await two.SubmitSweepAsync(file))));

        const string restless = "name: restless\nworkload: command\ncommand: [sh, -c, 'for e in 1 2 3 4; do echo \"{\\\"epoch\\\": $e, \\\"loss\\\": $0}\"; done', $x]\ntraining: { epochs: 4 }\n"
            + "search: { sampler: { name: pbt, every: 2 epochs }, parallel: 2, objective: { metric: loss, goal: minimize } }\nparameters: { x: { uniform: [0, 1] } }\n";
        var refused = await two.EndOfSweepAsync(await two.SubmitSweepAsync(two.Write("restless.yaml", restless)));
        Assert.Equal("failed", refused.Text("state"));
        Assert.Contains("sh went on after epoch 2; a member of a population ends by itself after ORCH_UNTIL epochs", refused.Items("trials").First().Text("message"), StringComparison.Ordinal);
    }

    private static async Task<string[]> TableAsync(Cluster cluster, JsonElement sweep) =>
    [
        .. (await SweepTable.OfAsync(cluster, sweep)).Zip(sweep.Items("trials"), (line, trial) => $"{line} {(trial.TryGetProperty("from", out var from) ? from.GetRawText() : "")}"),
    ];
}
