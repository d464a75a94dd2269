using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Trials that pause at rungs with real checkpoints, and go on from them when they are promoted.</summary>
public sealed class PausingTests : ClusterTest
{
    private static readonly string[] Asha =
    [
        Product.Sample("digits.yaml"), "--set", "search.trials=5", "--set", "search.parallel=3", "--set", "training.epochs=4", "--set", "training.workers.max=1",
        "--set", "search.stopper.name=asha", "--set", "search.stopper.reduction=2",
    ];

    [Fact(Timeout = 240_000)]
    public async Task One_worker_two_workers_and_a_killed_coordinator_give_the_same_table()
    {
        var one = await UpAsync("--workers", "1");
        var alone = await one.EndOfSweepAsync(await one.SubmitSweepAsync(Asha));
        Assert.Equal("succeeded", alone.Text("state"));
        var epochs = alone.Items("trials").Select(trial => trial.Number("epochs")).ToArray();
        Assert.Contains(1, epochs);
        Assert.Contains(4, epochs);
        Assert.Contains(alone.Items("trials"), trial => trial.Text("state") == "stopped");
        await SweepTable.NothingWasRunTwiceAsync(one, alone);
        var expected = await SweepTable.OfAsync(one, alone);

        // Who came to the end went through every rung: each part began in a generation of its own, from the checkpoint of the one before.
        var promoted = await one.RunAsync(alone.Items("trials").First(trial => trial.Number("epochs") == 4).Text("run"));
        Assert.True(promoted.Number("generation") > 1, $"{promoted}");
        Assert.Equal((4, 0), (promoted.Items("history").Count(), promoted.Number("stepsLost")));
        Assert.Equal(alone.GetProperty("best").Text("checkpoint"), (await one.ListAsync("checkpoint", "list", "--sweep", alone.Text("id"))).Select(checkpoint => checkpoint.Text("id")).First(id => id == alone.GetProperty("best").Text("checkpoint")));

        var two = await UpAsync("--workers", "2");
        var both = await two.EndOfSweepAsync(await two.SubmitSweepAsync(Asha));
        Assert.Equal(expected, await SweepTable.OfAsync(two, both));

        var disturbed = await two.SubmitSweepAsync(Asha);
        await two.UntilSweepAsync(disturbed, sweep => sweep.Items("trials").Any(trial => trial.Text("state") == "paused"));
        await two.KillCoordinatorAsync();
        await two.UpAsync();
        Assert.Equal(expected, await SweepTable.OfAsync(two, await two.EndOfSweepAsync(disturbed)));
    }

    [Fact(Timeout = 180_000)]
    public async Task A_stopper_that_ends_trials_gives_the_same_table_on_one_worker_and_two()
    {
        string[] file = [Product.Sample("digits.yaml"), "--set", "search.trials=4", "--set", "search.parallel=2", "--set", "training.epochs=3", "--set", "search.stopper.name=median", "--set", "search.stopper.startup=1"];
        var one = await UpAsync("--workers", "1");
        var alone = await one.EndOfSweepAsync(await one.SubmitSweepAsync(file));
        Assert.Contains(alone.Items("trials"), trial => trial.Text("state") == "stopped");
        var two = await UpAsync("--workers", "2");
        var both = await two.EndOfSweepAsync(await two.SubmitSweepAsync(file));
        Assert.Equal(await SweepTable.OfAsync(one, alone), await SweepTable.OfAsync(two, both));
    }
}
