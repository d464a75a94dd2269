using System.Text.Json.Nodes;
using Orchestrator.Specs.Checks;
using Orchestrator.Specs.Reading;
using Orchestrator.Specs.Schema;
using Xunit;

namespace Orchestrator.Specs.Tests;

public sealed class Files
{
    private static readonly string Root = FindRoot();

    [Theory]
    [InlineData("digits.yaml")]
    [InlineData("fashion-mnist.yaml")]
    [InlineData("stopping/mlp.yaml")]
    [InlineData("stopping/cnn.yaml")]
    public void A_shipped_sweep_is_taken(string file)
    {
        var sweep = SweepFile.Parse(File.ReadAllText(Path.Combine(Root, "samples", file)), file, []);
        Assert.NotEmpty(sweep.Parameters);
    }

    [Fact]
    public void A_field_whose_parameter_does_not_apply_is_left_out()
    {
        var sweep = SweepFile.Parse(File.ReadAllText(Path.Combine(Root, "samples", "digits.yaml")), "digits.yaml", ["training.epochs=3"]);
        var run = sweep.Resolve(new Dictionary<string, JsonNode?> { ["lr"] = 0.01, ["optimizer"] = "adamw", ["hidden"] = new JsonArray(64, 32) });
        Assert.Equal(0.01, run.Training.Optimizer.LearningRate);
        Assert.Equal("adamw", run.Training.Optimizer.Name);
        Assert.Equal("[64,32]", run.Model["hidden"]!.ToJsonString());
        Assert.Equal(3, run.Training.Epochs);
        Assert.Equal("val_accuracy", run.Training.Checkpoint.Metric);
        Assert.Equal("maximize", run.Training.Checkpoint.Goal);
    }

    [Fact]
    public void A_resolved_run_travels_as_json_unchanged()
    {
        var run = RunFile.Parse("name: r\nworkload: image-classifier\ndataset: { name: digits, split_seed: 3 }\ntraining: { augment: [horizontal-flip, { shift: 2 }], checkpoint: { every: 500 steps }, clip: { norm: 1 } }", "r.yaml", []);
        var json = run.ToJson();
        Assert.Equal(json, RunSpec.FromJson(json).ToJson());
        Assert.Equal(new Every(500, EveryUnit.Step), RunSpec.FromJson(json).Training.Checkpoint.Every);
        Assert.Equal([new AugmentSpec("horizontal-flip"), new AugmentSpec("shift", 2)], RunSpec.FromJson(json).Training.Augment);
    }

    [Theory]
    [InlineData("cnn", new long[] { 1, 8, 8 }, 10, "model.channels", 4)]
    [InlineData("mlp", new long[] { 64 }, 0, "dataset", 3)]
    public void A_model_that_does_not_fit_the_dataset_is_refused(string architecture, long[] shape, int classes, string field, int line)
    {
        var yaml = $"name: r\nworkload: image-classifier\ndataset: d\nmodel: {{ architecture: {architecture}{(architecture == "cnn" ? ", channels: [4, 4, 4, 4]" : "")} }}";
        var run = RunFile.Parse(yaml, "r.yaml", []);
        var error = Assert.Throws<SpecException>(() =>
            DatasetChecks.Check(run, new SampleShape(shape, classes, 1000), place => FilePlaces.Find(yaml, "r.yaml", [], place)));
        Assert.Equal(("shape-mismatch", field, "r.yaml", line), (error.Error.Code, error.Error.Field, error.Error.File, error.Error.Line));
    }

    [Fact]
    public void Conditions_are_values_lists_and_ranges()
    {
        var file = SweepFile.Parse(
            """
            name: s
            workload: image-classifier
            dataset: d
            model: { hidden: $h, dropout: $d }
            training: { optimizer: { name: $o, learning_rate: $lr, momentum: $m } }
            search: { sampler: tpe, trials: 3, objective: { metric: val_accuracy, goal: maximize } }
            constraints: ["h * lr < 1"]
            parameters:
              h:  { integer: [16, 64], step: 16 }
              o:  { choice: [sgd, adamw], ordered: true }
              lr: { loguniform: [1e-4, 1e-1], when: { h: { min: 20 } } }
              m:  { uniform: [0.8, 0.99], when: { o: sgd, lr: { min: 1e-3, max: 0.05 } } }
              d:  { uniform: [0, 0.5], when: { h: [16, 32] } }
            """,
            "s.yaml",
            []);
        Assert.Equal(["h * lr < 1"], file.Constraints);
        Assert.True(file.Parameters[1].Ordered);
        Assert.Equal((20.0, null), (file.Parameters[2].When["h"].Min, file.Parameters[2].When["h"].Max));
        Assert.Equal((1e-3, 0.05), (file.Parameters[3].When["lr"].Min, file.Parameters[3].When["lr"].Max));
        Assert.Equal(2, file.Parameters[4].When["h"].Values.Count);
        Assert.True(file.Parameters[4].When["h"].Holds(System.Text.Json.Nodes.JsonValue.Create(32L)));

        // Momentum is tried at its ends, with parents, and theirs, where it applies.
        Assert.Contains(file.Extremes, run => run.Training.Optimizer.Momentum == 0.99);
    }

    /// <summary>The shipped schemas are made of the binder's own rules; ORCH_UPDATE_GOLDEN=1 writes them anew.</summary>
    [Theory]
    [InlineData("run")]
    [InlineData("sweep")]
    public void The_shipped_schema_is_the_binders(string name)
    {
        var schema = (name == "run" ? SpecSchema.Run() : SpecSchema.Sweep()).ToJsonString(new() { WriteIndented = true }) + "\n";
        AssertGolden(Path.Combine(Root, "docs", "schema", $"{name}.schema.json"), schema);
    }

    [Fact]
    public void The_reference_page_is_the_binders() => AssertGolden(Path.Combine(Root, "docs", "fields.md"), SpecReference.Markdown());

    private static void AssertGolden(string path, string content)
    {
        if (Environment.GetEnvironmentVariable("ORCH_UPDATE_GOLDEN") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, content);
        }

        Assert.Equal(File.ReadAllText(path), content);
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Orchestrator.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }
}
