using System.Text.Json;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>What must be the same whenever the same sweep is run: everything but identifiers and seconds.</summary>
internal static class SweepTable
{
    /// <summary>A line a trial: number, state, epochs, parameters, metrics, and the weights' hash of its run.</summary>
    public static async Task<string[]> OfAsync(Cluster cluster, JsonElement sweep)
    {
        var lines = new List<string>();
        foreach (var trial in sweep.Items("trials"))
        {
            var run = await SettledAsync(cluster, trial);
            lines.Add($"{trial.Number("number")} {trial.Text("state")} {trial.Number("epochs")} {trial.GetProperty("parameters").GetRawText()} " +
                $"{trial.GetProperty("metrics").GetRawText()} {run.Text("weightsHash")}");
        }

        return [.. lines];
    }

    /// <summary>The sweep decides about a trial, and its run hears of it after.</summary>
    private static async Task<JsonElement> SettledAsync(Cluster cluster, JsonElement trial)
    {
        JsonElement run;
        do
        {
            await Task.Delay(ClusterWeb.Glance, TestContext.Current.CancellationToken);
            run = await cluster.RunAsync(trial.Text("run"));
        }
        while (run.Text("state") != trial.Text("state"));
        return run;
    }

    /// <summary>Every trial has one run of its own, and no committed step of it was computed again.</summary>
    public static async Task NothingWasRunTwiceAsync(Cluster cluster, JsonElement sweep)
    {
        var runs = await cluster.ListAsync("run", "list", "--sweep", sweep.Text("id"));
        var named = sweep.Items("trials").Select(trial => trial.Text("run")).ToArray();
        Assert.Equal(named.Order(StringComparer.Ordinal), runs.Select(run => run.Text("id")).Order(StringComparer.Ordinal));
        Assert.Equal(named.Length, named.Distinct(StringComparer.Ordinal).Count());
        Assert.All(runs, run => Assert.Equal(0, run.Number("stepsLost")));
        Assert.All(runs, run => Assert.DoesNotContain(run.Items("failures"), failure => failure.Text("kind") != "preempted"));
    }
}
