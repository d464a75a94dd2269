using System.Globalization;
using System.Text.Json;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>One cluster with a run of two workers for each case, all at once, and how they ended; and the same run undisturbed, on one worker.</summary>
/// <param name="cases">By the run's name: faults as ORCH_INJECT has them, without the run.</param>
/// <param name="epochs">Of 23 steps, a checkpoint at each.</param>
/// <param name="hidden">The network's layers.</param>
/// <param name="environment">Of the agents and their trainers.</param>
public abstract class InjectedRuns(IReadOnlyDictionary<string, string[]> cases, int epochs, string hidden, params (string Name, string Value)[] environment) : IAsyncLifetime
{
    private const int StepsOfEpoch = 23;

    private readonly Cluster cluster = Cluster.Prepare("--workers", "4");
    private readonly Dictionary<string, string> ids = new(StringComparer.Ordinal);
    private ClusterWeb? web;
    private JsonElement undisturbed;

    public async ValueTask InitializeAsync()
    {
        web = new ClusterWeb(cluster);
        cluster.With("ORCH_INJECT", string.Join(' ', cases.SelectMany(named => named.Value.Select(fault => $"{named.Key}:{fault}"))));
        foreach (var (name, value) in environment)
        {
            cluster.With(name, value);
        }

        await cluster.UpAsync();
        foreach (var name in cases.Keys)
        {
            ids[name] = await web.SubmitRunAsync(File(name));
        }

        undisturbed = (await cluster.Orch.JsonAsync("run", "local", cluster.Write("undisturbed.yaml", File("undisturbed")), "--data-dir", cluster["local"])).Json();
    }

    public async Task AssertUnharmedAsync(string name)
    {
        var run = await EndOfAsync(name);
        try
        {
            Assert.Equal("succeeded", run.Text("state"));
            Assert.Equal(undisturbed.Text("weightsHash"), run.Text("weightsHash"));
            Assert.Equal(cases[name].Select(KindOf).OfType<string>(), run.Items("failures").Select(failure => failure.Text("kind")));
            Assert.Equal((StepsOfEpoch * epochs, 0), (run.Number("step"), run.Number("stepsLost")));
            Assert.Equal(Enumerable.Range(1, epochs), run.Items("history").Select(epoch => epoch.Number("epoch")));
            Assert.Equal(undisturbed.Number("samplesPerEpoch"), run.Number("samplesPerEpoch"));

            // Whoever lived speaks for the last generation, in the process that it was from the beginning.
            var survivor = cases[name][0].StartsWith("1.0", StringComparison.Ordinal) ? "[1.1]" : "[1.0]";
            var last = string.Create(CultureInfo.InvariantCulture, $" generation {run.Number("generation")}, rank 0 of 2 trains ");
            await Eventually.TrueAsync(
                async () => (await web!.LogAsync(ids[name])).Any(line => line.StartsWith(survivor, StringComparison.Ordinal) && line.Contains(last, StringComparison.Ordinal)),
                TimeSpan.FromMinutes(1),
                $"{survivor} says that it trains{last}");
        }
        catch (Exception)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{run}\n{string.Join('\n', await web!.LogAsync(ids[name]))}\n{cluster.Logs()}");
            throw;
        }
    }

    /// <summary>A trainer's lines, once a text is among them: what stood still is looked into while its run goes on, and may end.</summary>
    /// <param name="trainer">As in <see cref="ClusterWeb.LogAsync"/>.</param>
    public async Task<string[]> LogOnceAsync(string name, string trainer, string text)
    {
        string[] lines = [];
        try
        {
            await Eventually.TrueAsync(
                async () => (lines = [.. (await web!.LogAsync(ids[name])).Where(line => line.StartsWith(trainer, StringComparison.Ordinal)).Select(line => line[(trainer.Length + 1)..])])
                    .Any(line => line.Contains(text, StringComparison.Ordinal)),
                TimeSpan.FromMinutes(6));
            return lines;
        }
        catch (TimeoutException)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{string.Join('\n', lines)}\n{cluster.Logs()}");
            throw;
        }
    }

    public ValueTask DisposeAsync()
    {
        web?.Dispose();
        cluster.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    private Task<JsonElement> EndOfAsync(string name) => web!.UntilRunAsync(ids[name], TimeSpan.FromMinutes(6), "its end", ClusterWeb.HasEnded);

    private static string? KindOf(string fault) =>
        fault.EndsWith("kill", StringComparison.Ordinal) ? "lost"
        : fault.EndsWith("freeze", StringComparison.Ordinal) || fault.EndsWith("delay=600000", StringComparison.Ordinal) ? "hung"
        : null;

    private string File(string name) => $$"""
        name: {{name}}
        workload: image-classifier
        dataset: digits
        seed: 11
        model: { architecture: mlp, hidden: {{hidden}}, dropout: 0.2, batch_norm: true }
        training:
          epochs: {{epochs}}
          batch_size: 64
          shards: 4
          workers: { min: 2, max: 2 }
          optimizer: { name: adamw, learning_rate: 0.01 }
          checkpoint: { every: 1 epoch, keep_best: 1, keep_last: 1 }
          failures: { lost: 3 }
        """;
}
