using Orchestrator.EndToEnd.Tests.Harness;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests;

public sealed class CoordinatorDeathTests : ClusterTest
{
    [Fact(Timeout = 180_000)]
    public async Task A_sweep_whose_coordinator_is_killed_ends_as_if_nothing_had_happened()
    {
        var cluster = await UpAsync("--workers", "2");
        var file = Sweeps.WriteSlow(cluster, cluster["go"], milliseconds: 3);
        var disturbed = await cluster.SubmitSweepAsync(file);
        await cluster.UntilSweepAsync(disturbed, Sweeps.IsInTheMiddle);
        var agents = (await cluster.WorkersAsync()).Select(worker => worker.Number("pid")).Order().ToArray();

        await cluster.KillCoordinatorAsync();
        await cluster.UpAsync();
        cluster.Write("go", "");
        var ended = await cluster.EndOfSweepAsync(disturbed);

        Assert.Equal("succeeded", ended.Text("state"));
        await SweepTable.NothingWasRunTwiceAsync(cluster, ended);
        // The agents lived through it and count towards --workers.
        Assert.Equal(agents, (await cluster.WorkersAsync()).Select(worker => worker.Number("pid")).Order());

        var undisturbed = await cluster.EndOfSweepAsync(await cluster.SubmitSweepAsync(file));
        Assert.Equal(await SweepTable.OfAsync(cluster, undisturbed), await SweepTable.OfAsync(cluster, ended));
    }

    [Theory(Timeout = 180_000)]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_trainer_that_is_killed_while_there_is_no_coordinator_is_replaced_once_there_is_one(int rank)
    {
        var cluster = await UpAsync("--workers", "3");
        var run = await SlowRun.StartAsync(cluster, min: 2, max: 2);
        var trainers = SlowRun.Trainers(await run.UntilTrainedByAsync(2));

        await cluster.KillCoordinatorAsync();
        Processes.Signal(trainers[rank], Processes.Kill);
        await Eventually.TrueAsync(() => !Processes.IsAlive(trainers[rank]), TimeSpan.FromSeconds(60));
        await cluster.UpAsync();

        var ended = await run.EndsTheSameAsync();
        Assert.Equal("lost", Assert.Single(ended.Items("failures")).Text("kind"));
        Assert.Contains(trainers[1 - rank], SlowRun.Trainers(ended));
    }

    [Fact(Timeout = 180_000)]
    public async Task What_was_trained_to_its_end_without_a_coordinator_outlives_the_agent_that_has_the_last_checkpoint()
    {
        var cluster = await UpAsync("--workers", "3");
        var run = await SlowRun.StartAsync(cluster, min: 2, max: 2);
        var teller = (await run.UntilTrainedByAsync(2)).Items("workers").Single(worker => worker.Number("rank") == 0);
        var agent = (await cluster.WorkersAsync()).Single(worker => worker.Text("id") == teller.Text("id")).Number("pid");

        await cluster.KillCoordinatorAsync();
        await run.LetGoAsync();
        await Eventually.TrueAsync(() => Directory.EnumerateDirectories(cluster.Data, $"{run.Id}-{run.Steps}", SearchOption.AllDirectories).Any(), TimeSpan.FromSeconds(60));
        Processes.Signal(agent, Processes.Kill);
        await Eventually.TrueAsync(() => !Processes.IsAlive(teller.Number("pid")), TimeSpan.FromSeconds(60));
        await cluster.UpAsync();

        Assert.Equal("lost", Assert.Single((await run.EndsTheSameAsync()).Items("failures")).Text("kind"));
    }
}
