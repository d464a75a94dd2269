using System.Text.Json;
using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary><c>workload: command</c>: trials that are programs of any kind.</summary>
public sealed class CommandTests : ClusterTest
{
    [Fact(Timeout = 180_000)]
    public async Task A_sweep_of_programs_pauses_and_promotes_them_and_is_the_same_on_one_worker_and_two()
    {
        var file = Product.Sample("command/descent.yaml");
        var one = await UpAsync("--workers", "1");
        var alone = await one.EndOfSweepAsync(await one.SubmitSweepAsync(file, "--set", "search.trials=6"));
        Assert.Equal("succeeded", alone.Text("state"));
        Assert.Contains(alone.Items("trials"), trial => trial.Text("state") == "stopped");
        var whole = alone.Items("trials").First(trial => trial.Text("state") == "succeeded");
        Assert.Equal(9, whole.Number("epochs"));

        // It was started again where it had paused, with what it had kept; its other lines are the run's log.
        var run = await one.RunAsync(whole.Text("run"));
        Assert.True(run.Number("generation") > 1, $"{run}");
        var logs = (await one.Orch.RunAsync("run", "logs", whole.Text("run"))).Output;
        Assert.Contains("from epoch 0", logs, StringComparison.Ordinal);
        Assert.Contains("from epoch 1", logs, StringComparison.Ordinal);

        // What it kept can be fetched, as the files that they were.
        var fetched = one["fetched"];
        (await one.Orch.RunAsync("checkpoint", "fetch", "--best", alone.Text("id"), "-o", fetched)).Succeeded();
        var state = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(fetched, "directory", "state.json"), TestContext.Current.CancellationToken)).RootElement;
        Assert.Equal(9, state.GetProperty("epoch").GetInt32());
        (await one.Orch.RunAsync("checkpoint", "verify", fetched)).Succeeded();

        var two = await UpAsync("--workers", "2");
        var both = await two.EndOfSweepAsync(await two.SubmitSweepAsync(file, "--set", "search.trials=6"));
        Assert.Equal(await SweepTable.OfAsync(one, alone), await SweepTable.OfAsync(two, both));
    }

    [Fact(Timeout = 240_000)]
    public async Task A_program_that_fails_or_takes_too_long_says_so_in_one_line()
    {
        var cluster = await UpAsync("--workers", "1");
        var failing = await cluster.EndOfRunAsync(await cluster.SubmitRunAsync(cluster.Write("fail.yaml", "name: fail\nworkload: command\ncommand: [sh, -c, 'echo out of luck >&2; exit 3']\n")));
        Assert.Equal(("failed", "sh ended with status 3: out of luck"), (failing.Text("state"), failing.Text("message")));

        var slow = await cluster.EndOfRunAsync(await cluster.SubmitRunAsync(cluster.Write("slow.yaml", "name: slow\nworkload: command\ncommand: [sleep, '600']\ntimeout: 2s\n")));
        Assert.Equal(("failed", "sleep took longer than its timeout of 2 s"), (slow.Text("state"), slow.Text("message")));

        var missing = await cluster.EndOfRunAsync(await cluster.SubmitRunAsync(cluster.Write("missing.yaml", "name: missing\nworkload: command\ncommand: [no-such-program]\n")));
        Assert.Equal("failed", missing.Text("state"));
        Assert.Contains("no-such-program", missing.Text("message"), StringComparison.Ordinal);
    }
}
