using System.Globalization;
using System.Text.Json;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>A sweep long enough to be disturbed, short enough to be waited for.</summary>
internal static class Sweeps
{
    /// <summary>Writes the file of a sweep of four trials, two at a time, whose batches take their time for as long as the gate, a file, is not there.</summary>
    /// <returns>Its path.</returns>
    public static string WriteSlow(Cluster cluster, string gate, int milliseconds) => cluster.Write("sweep.yaml", string.Create(CultureInfo.InvariantCulture, $$"""
        name: slow
        package: {{Product.TroubledWorkload}}
        dataset: digits
        seed: 7
        model: { dropout: 0.2, delay: {{milliseconds}}, until: {{gate}} }
        training:
          epochs: 12
          batch_size: 64
          shards: 4
          workers: { min: 1, max: 2 }
          optimizer: { name: $optimizer, learning_rate: $lr, momentum: $momentum }
          schedule: one-cycle
          checkpoint: { every: 2 epochs, keep_best: 1, keep_last: 1 }
        search: { sampler: random, trials: 4, parallel: 2, objective: { metric: val_accuracy, goal: maximize } }
        parameters:
          lr:        { loguniform: [1e-3, 3e-2] }
          optimizer: { choice: [sgd, adamw] }
          momentum:  { uniform: [0.8, 0.95], when: { optimizer: sgd } }
        """));

    /// <summary>A trial has ended, others have not.</summary>
    public static bool IsInTheMiddle(JsonElement sweep)
    {
        var states = sweep.Items("trials").Select(trial => trial.Text("state")).ToArray();
        return states.Contains("succeeded") && states.Contains("running");
    }
}
