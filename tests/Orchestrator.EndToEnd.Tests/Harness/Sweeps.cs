using System.Text.Json;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>A sweep long enough to be disturbed, short enough to be waited for.</summary>
internal static class Sweeps
{
    /// <summary>Arguments of <c>sweep submit</c>: four trials, two at a time.</summary>
    public static string[] Digits { get; } =
        [Product.Sample("digits.yaml"), "--set", "search.trials=4", "--set", "search.parallel=2", "--set", "training.epochs=12", "--set", "training.checkpoint.every=2 epochs"];

    /// <summary>A trial has ended, others have not.</summary>
    public static bool IsInTheMiddle(JsonElement sweep)
    {
        var states = sweep.Items("trials").Select(trial => trial.Text("state")).ToArray();
        return states.Contains("succeeded") && states.Contains("running");
    }
}
