using System.Globalization;
using System.Text.Json;
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

    [Theory(Timeout = 240_000)]
    [MemberData(nameof(Names))]
    public async Task A_trainer_that_fails_at_an_exact_point_costs_no_step_and_no_bit(string name)
    {
        var run = await runs.EndOfAsync(name);
        try
        {
            Assert.Equal("succeeded", run.Text("state"));
            Assert.Equal(runs.Undisturbed.Text("weightsHash"), run.Text("weightsHash"));
            Assert.Equal(Cases[name].Select(KindOf).OfType<string>(), run.Items("failures").Select(failure => failure.Text("kind")));
            Assert.Equal((23 * Epochs, 0), (run.Number("step"), run.Number("stepsLost")));
            Assert.Equal(Enumerable.Range(1, Epochs), run.Items("history").Select(epoch => epoch.Number("epoch")));
            Assert.Equal(runs.Undisturbed.Number("samplesPerEpoch"), run.Number("samplesPerEpoch"));

            // Whoever lived speaks for the last generation, in the process that it was from the beginning.
            var survivor = Cases[name][0].StartsWith("1.0", StringComparison.Ordinal) ? "[1.1]" : "[1.0]";
            var last = string.Create(CultureInfo.InvariantCulture, $" generation {run.Number("generation")}, rank 0 of 2 trains ");
            Assert.Contains(await runs.LogAsync(name), line => line.StartsWith(survivor, StringComparison.Ordinal) && line.Contains(last, StringComparison.Ordinal));
        }
        catch (Exception)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{run}\n{string.Join('\n', await runs.LogAsync(name))}\n{runs.Logs}");
            throw;
        }
    }

    /// <summary>The training thread, as it stood: stopped from outside, or asleep in the middle of a step.</summary>
    [Theory(Timeout = 240_000)]
    [InlineData("freeze", "[1.0]", "the trainer shows no sign of life for 1 s; its threads:", "T (stopped)")]
    [InlineData("hang", "[1.1]", "the trainer makes no progress; its threads:", "S (sleeping)")]
    public async Task What_a_trainer_was_doing_that_had_to_be_ended_stands_in_the_runs_log(string name, string trainer, string heading, string state)
    {
        await runs.EndOfAsync(name);
        var log = (await runs.LogAsync(name)).Where(line => line.StartsWith(trainer, StringComparison.Ordinal)).SkipWhile(line => !line.Contains(heading, StringComparison.Ordinal)).ToArray();
        Assert.Contains(state, log[1], StringComparison.Ordinal);
        Assert.Contains(log, line => line.Contains("at Orchestrator.Worker.Trainer.InjectedFaults.At(", StringComparison.Ordinal));
        Assert.Contains(log, line => line.Contains("at Orchestrator.Training.TrainingLoop.Run(", StringComparison.Ordinal));
    }

    private static string? KindOf(string fault) =>
        fault.EndsWith("kill", StringComparison.Ordinal) ? "lost" : fault.EndsWith("freeze", StringComparison.Ordinal) || fault.EndsWith("delay=600000", StringComparison.Ordinal) ? "hung" : null;

    /// <summary>All cases' runs, under way.</summary>
    public sealed class Runs : IAsyncLifetime
    {
        private readonly Cluster cluster = Cluster.Prepare("--workers", "4");
        private readonly ClusterWeb web;
        private readonly Dictionary<string, string> ids = new(StringComparer.Ordinal);

        public Runs() => web = new ClusterWeb(cluster);

        public JsonElement Undisturbed { get; private set; }

        public string Logs => cluster.Logs();

        public async ValueTask InitializeAsync()
        {
            await cluster.With("ORCH_INJECT", string.Join(' ', Cases.SelectMany(named => named.Value.Select(fault => $"{named.Key}:{fault}")))).UpAsync();
            foreach (var name in Cases.Keys)
            {
                ids[name] = await web.SubmitRunAsync(File(name));
            }

            Undisturbed = (await cluster.Orch.JsonAsync("run", "local", cluster.Write("undisturbed.yaml", File("undisturbed")), "--data-dir", cluster["local"])).Json();
        }

        public Task<JsonElement> EndOfAsync(string name) => web.UntilRunAsync(ids[name], TimeSpan.FromMinutes(3), "its end", ClusterWeb.HasEnded);

        public Task<string[]> LogAsync(string name) => web.LogAsync(ids[name]);

        public ValueTask DisposeAsync()
        {
            web.Dispose();
            cluster.Dispose();
            return ValueTask.CompletedTask;
        }

        private static string File(string name) => $$"""
            name: {{name}}
            workload: image-classifier
            dataset: digits
            seed: 11
            model: { architecture: mlp, hidden: [16], dropout: 0.2, batch_norm: true }
            training:
              epochs: {{Epochs}}
              batch_size: 64
              shards: 4
              workers: { min: 2, max: 2 }
              optimizer: { name: adamw, learning_rate: 0.01 }
              checkpoint: { every: 1 epoch, keep_best: 1, keep_last: 1 }
              failures: { lost: 3 }
            """;
    }
}
