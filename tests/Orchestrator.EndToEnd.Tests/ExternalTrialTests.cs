using System.Diagnostics;
using System.Text.Json;
using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Trials that programs outside of the cluster run: the shipped sample clients, against a real coordinator.</summary>
public sealed class ExternalTrialTests : ClusterTest
{
    [Fact(Timeout = 180_000)]
    public async Task Python_programs_work_through_a_sweep_whose_coordinator_is_killed_and_the_shell_finds_the_same()
    {
        var cluster = await UpAsync("--workers", "0");
        var file = Product.Sample("external/branin.yaml");
        var disturbed = await cluster.SubmitSweepAsync(file);
        using var first = Start("python3", Product.Sample("external/search.py"), cluster.Web, disturbed);
        using var second = Start("python3", Product.Sample("external/search.py"), cluster.Web, disturbed);
        await cluster.UntilSweepAsync(disturbed, sweep => sweep.Items("trials").Count() > 10);
        await cluster.KillCoordinatorAsync();
        await cluster.UpAsync();
        var ended = await cluster.EndOfSweepAsync(disturbed);
        await DoneAsync(first);
        await DoneAsync(second);
        Assert.Equal("succeeded", ended.Text("state"));
        Assert.Equal(30, ended.Items("trials").Count());
        Assert.Contains(ended.Items("trials"), trial => trial.Text("state") == "stopped");
        Assert.Contains(ended.Items("trials"), trial => trial.Number("epochs") == 9);

        var again = await cluster.SubmitSweepAsync(file);
        using var shell = Start("sh", Product.Sample("external/search.sh"), cluster.Web, again);
        var undisturbed = await cluster.EndOfSweepAsync(again);
        await DoneAsync(shell);
        Assert.Equal(Table(undisturbed), Table(ended));
    }

    [Fact(Timeout = 180_000)]
    public async Task Programs_hand_members_of_a_population_to_each_other_and_one_alone_finds_the_same()
    {
        var cluster = await UpAsync("--workers", "0");
        var file = Product.Sample("external/population.yaml");
        var (together, alone) = (await cluster.SubmitSweepAsync(file), await cluster.SubmitSweepAsync(file));
        using var first = Start("python3", Product.Sample("external/population.py"), cluster.Web, together, cluster.PathOf("together"));
        using var second = Start("python3", Product.Sample("external/population.py"), cluster.Web, together, cluster.PathOf("together"));
        var ended = await cluster.EndOfSweepAsync(together);
        await DoneAsync(first);
        await DoneAsync(second);
        Assert.Equal("succeeded", ended.Text("state"));
        Assert.Equal([3, 6], ended.Items("trials").Where(trial => trial.TryGetProperty("from", out _)).Select(copy => (int)copy.GetProperty("from").Number("epoch")));

        using var single = Start("python3", Product.Sample("external/population.py"), cluster.Web, alone, cluster.PathOf("alone"));
        var undisturbed = await cluster.EndOfSweepAsync(alone);
        await DoneAsync(single);
        Assert.Equal(Table(undisturbed, "loss"), Table(ended, "loss"));
    }

    [Fact(Timeout = 240_000)]
    public async Task The_command_line_asks_and_tells()
    {
        var cluster = await UpAsync("--workers", "0");
        var sweep = await cluster.SubmitSweepAsync(Product.Sample("external/branin.yaml"), "--set", "search.trials=1", "--set", "search.stopper=~");
        var asked = (await cluster.Orch.JsonAsync("trial", "ask", sweep)).Json();
        Assert.Equal((0, 0), (asked.Number("trial"), asked.Number("step")));
        Assert.True((await cluster.Orch.JsonAsync("trial", "ask", sweep)).Json().GetProperty("wait").GetBoolean());
        Assert.False((await cluster.Orch.JsonAsync("trial", "tell", sweep, "0", "--step", "1", "--metric", "value=3.5")).Json().GetProperty("stop").GetBoolean());
        Assert.Equal(2, (await cluster.Orch.JsonAsync("trial", "tell", sweep, "7", "--step", "1", "--metric", "value=3.5")).ExitCode);
        Assert.Equal("{}", (await cluster.Orch.JsonAsync("trial", "tell", sweep, "0", "--final")).Json().GetRawText());
        Assert.True((await cluster.Orch.JsonAsync("trial", "ask", sweep)).Json().GetProperty("done").GetBoolean());
        Assert.Equal(3.5, (await cluster.SweepAsync(sweep)).GetProperty("best").GetProperty("value").GetDouble());
    }

    private static string Table(JsonElement sweep, string metric = "value") => string.Join('\n', sweep.Items("trials").Select(trial =>
        $"{trial.Number("number")} {trial.Text("state")} {trial.Number("epochs")} {trial.GetProperty("parameters").GetRawText()} {Math.Round(trial.GetProperty("metrics").GetProperty(metric).GetDouble(), 8)}"));

    private static Process Start(string program, string script, string web, params string[] more) =>
        Process.Start(new ProcessStartInfo(program, [script, $"http://{web}", .. more]) { UseShellExecute = false, RedirectStandardError = true })!;

    private static async Task DoneAsync(Process client)
    {
        var said = await client.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await client.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(client.ExitCode == 0, said);
    }
}
