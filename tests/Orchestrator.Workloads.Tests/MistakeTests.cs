using Orchestrator.Specs;
using Orchestrator.Training;
using Xunit;

namespace Orchestrator.Workloads.Tests;

/// <summary>One line for each mistake: the field, what is wrong, the mend.</summary>
public sealed class MistakeTests(Digits digits) : IClassFixture<Digits>
{
    [Theory]
    [InlineData("""{ "hiden": 3 }""", "model.hiden", "did you mean hidden?")]
    [InlineData("""{ "hidden": [0] }""", "model.hidden", "at least 1")]
    [InlineData("""{ "dropout": 1 }""", "model.dropout", "below 1")]
    [InlineData("""{ "activation": "rleu" }""", "model.activation", "did you mean relu?")]
    [InlineData("""{ "architecture": "cnn", "channels": [4, 4, 4, 4] }""", "model.channels", "fewer channels")]
    public void A_mistake_in_the_model_names_its_field_and_the_mend(string model, string field, string mend)
    {
        var error = Assert.Throws<SpecException>(() => Load(Digits.Spec(model, new TrainingSpec())));
        Assert.StartsWith(field, error.Error.Field, StringComparison.Ordinal);
        Assert.Contains(mend, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Batch_norm_with_fewer_than_two_samples_in_a_shard_is_refused()
    {
        var training = new TrainingSpec { BatchSize = 7, Shards = 4 };
        var error = Assert.Throws<SpecException>(() => Load(Digits.Spec("""{ "batch_norm": true }""", training)));
        Assert.Equal("training.batch_size", error.Error.Field);
        Load(Digits.Spec("{ }", training));
    }

    [Fact]
    public void An_unknown_workload_optimizer_schedule_or_loss_is_refused()
    {
        Assert.Contains("did you mean image-classifier?", Refused(spec => spec with { Workload = "image-clasifier" }), StringComparison.Ordinal);
        Assert.Contains("known: sgd", Refused(spec => spec with { Training = new TrainingSpec { Optimizer = new OptimizerSpec { Name = "lion" } } }), StringComparison.Ordinal);
        Assert.Contains("known: constant", Refused(spec => spec with { Training = new TrainingSpec { Schedule = new ScheduleSpec { Name = "wavy" } } }), StringComparison.Ordinal);
        Assert.Contains("known: cross-entropy", Refused(spec => spec with { Training = new TrainingSpec { Loss = "hinge" } }), StringComparison.Ordinal);

        string Refused(Func<RunSpec, RunSpec> change) =>
            Assert.Throws<SpecException>(() => Load(change(Digits.Spec("{ }", new TrainingSpec())))).Message;
    }

    [Fact]
    public void A_frozen_name_that_the_model_does_not_have_is_refused_and_so_is_freezing_everything()
    {
        SpecException Refused(params string[] freeze) => Assert.Throws<SpecException>(() => Load(Digits.Spec("{ }", new TrainingSpec { Freeze = freeze })));
        Assert.Contains("the model has no parameter or module 'hiden0'; did you mean hidden0?", Refused("hiden0").Message, StringComparison.Ordinal);
        Assert.Equal("model", Refused("hidden0", "output").Error.Field);
    }

    [Fact]
    public void A_damaged_checkpoint_is_refused_and_says_what_is_wrong()
    {
        var notes = new Notes();
        var spec = Digits.Spec("{ }", new TrainingSpec());
        digits.Train(spec, notes);
        var directory = notes.Checkpoints[0].Directory;
        CheckpointFolder.Verify(directory);

        var model = Path.Combine(directory, "model.safetensors");
        var whole = File.ReadAllBytes(model);
        Refused("has another hash", () => File.WriteAllBytes(model, [.. whole[..^1], (byte)(whole[^1] ^ 1)]));
        Refused("instead of", () => File.WriteAllBytes(model, whole[..^1]));
        Refused("is missing", () => File.Delete(model));
        File.WriteAllBytes(model, whole);
        CheckpointFolder.Verify(directory);

        var manifest = Path.Combine(directory, "manifest.json");
        var text = File.ReadAllText(manifest);
        Refused("can't be read", () => File.WriteAllText(manifest, text[..(text.Length / 2)]));
        Refused("format version is 9", () => File.WriteAllText(manifest, text.Replace("\"format_version\": 1", "\"format_version\": 9", StringComparison.Ordinal)));
        File.Delete(manifest);
        Assert.Throws<CorruptCheckpointException>(() => Load(spec, directory));

        void Refused(string problem, Action damage)
        {
            damage();
            Assert.Contains(problem, Assert.Throws<CorruptCheckpointException>(() => CheckpointFolder.Verify(directory)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_checkpoint_of_another_model_is_refused()
    {
        var notes = new Notes();
        digits.Train(Digits.Spec("""{ "hidden": [8] }""", new TrainingSpec()), notes);
        var error = Assert.Throws<CheckpointMismatchException>(() => Load(Digits.Spec("""{ "hidden": [9] }""", new TrainingSpec()), notes.Checkpoints[0].Directory));
        Assert.Contains("hidden0", error.Message, StringComparison.Ordinal);
    }

    private void Load(RunSpec spec, string? checkpoint = null) => TrainingRun.Load(digits.Task(spec, checkpoint), new WorkloadCatalog()).Dispose();
}
