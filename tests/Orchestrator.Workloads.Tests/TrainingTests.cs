using System.Runtime.InteropServices;
using Orchestrator.Data.Formats;
using Orchestrator.Specs;
using Orchestrator.Training;
using Xunit;

namespace Orchestrator.Workloads.Tests;

public sealed class TrainingTests(Digits digits) : IClassFixture<Digits>
{
    private const string Mlp = """{ "architecture": "mlp", "hidden": [32] }""";

    [Fact]
    public void Mlp_learns_the_digits()
    {
        var notes = new Notes();
        var outcome = digits.Train(
            Digits.Spec("""{ "architecture": "mlp", "hidden": [128, 64], "dropout": 0.2 }""", new TrainingSpec
            {
                Epochs = 20,
                Shards = 2,
                Optimizer = new OptimizerSpec { LearningRate = 3e-3 },
                Schedule = new ScheduleSpec { Name = "one-cycle" },
                Checkpoint = new CheckpointSpec { Every = new Every(20, EveryUnit.Epoch) },
            }),
            notes);

        Assert.True(outcome.Metrics["val_accuracy"] >= 0.96, $"val_accuracy is {outcome.Metrics["val_accuracy"]}");
        Assert.Equal(outcome.WeightsHash, notes.Checkpoints[^1].ModelSha256);
        Assert.Contains(notes.Epochs.MinBy(epoch => epoch.Metrics["val_loss"])!.Epoch, notes.Checkpoints.Select(written => written.Epoch));
        Assert.Equal(20, notes.Epochs.Count);
        Assert.Contains(TrainingPhase.FirstStep, notes.Phases);
        Assert.Contains(TrainingPhase.Evaluating, notes.Phases);
    }

    [Fact]
    public void Cnn_with_squared_loss_learns_too_and_the_best_checkpoint_predicts_and_is_scored()
    {
        var notes = new Notes();
        var spec = Digits.Spec("""{ "architecture": "cnn", "channels": [16], "hidden": 32, "batch_norm": true }""", new TrainingSpec
        {
            Epochs = 6,
            Shards = 1,
            Loss = "mse",
            Optimizer = new OptimizerSpec { LearningRate = 5e-3 },
            Schedule = new ScheduleSpec { Name = "cosine" },
        });
        digits.Train(spec, notes);
        var checkpoint = notes.Checkpoints[^1];
        Assert.Equal(6, notes.Checkpoints.Count);
        Assert.Equal(checkpoint.ModelSha256, CheckpointFolder.Verify(checkpoint.Directory).Files["model.safetensors"].Sha256);

        using var run = TrainingRun.Load(digits.Task(spec, checkpoint.Directory), new WorkloadCatalog());
        var scores = run.EvaluateTest(static () => { }, TestContext.Current.CancellationToken);
        Assert.True(scores["test_accuracy"] >= 0.93, $"test_accuracy is {scores["test_accuracy"]}");
        Assert.Equal(10, scores.Keys.Count(name => name.StartsWith("test_accuracy_", StringComparison.Ordinal)));

        using var predictor = Predictor.Load(checkpoint.Directory, new WorkloadCatalog());
        using var dataset = Data.Dataset.Open(digits.Dataset, splitSeed: 0);
        var test = dataset.Split(Data.SplitName.Test);
        long[] rows = [.. Enumerable.Range(0, (int)test.Rows).Select(row => (long)row)];
        var (images, labels) = (new float[rows.Length * 64], new long[rows.Length]);
        var stored = new byte[rows.Length * predictor.Dataset.Features[predictor.InputFeature].RowBytes];
        test.Gather(predictor.InputFeature, rows, stored);
        for (var index = 0; index < images.Length; index++)
        {
            images[index] = stored.Length == images.Length ? stored[index] : MemoryMarshal.Cast<byte, float>(stored)[index];
        }

        test.Gather<long>(dataset.Manifest.Target, rows, labels);
        var predictions = predictor.Predict(images);
        var right = predictions.Zip(labels).Count(pair => pair.First.Class == dataset.Manifest.Classes[(int)pair.Second]);
        Assert.Equal(scores["test_accuracy"], (double)right / rows.Length);
        Assert.All(predictions, prediction => Assert.Equal(1, prediction.Probabilities.Values.Sum(), 5));
    }

    [Fact]
    public void How_often_the_validation_rows_are_measured_changes_no_bit_of_what_is_trained()
    {
        // 15 steps an epoch; what is measured switches dropout, batch norm and the average on and off in between.
        (TrainingOutcome Outcome, Notes Notes) Train(Every evaluate)
        {
            var notes = new Notes();
            var spec = Digits.Spec("""{ "architecture": "mlp", "hidden": [16], "dropout": 0.2, "batch_norm": true }""", new TrainingSpec
            {
                Epochs = 3,
                BatchSize = 100,
                Shards = 2,
                Ema = 0.9,
                Evaluate = evaluate,
                Checkpoint = new CheckpointSpec { Every = new Every(6, EveryUnit.Step) },
            });
            return (digits.Train(spec, notes), notes);
        }

        var (always, rarely, within) = (Train(new Every(1, EveryUnit.Epoch)), Train(new Every(2, EveryUnit.Epoch)), Train(new Every(6, EveryUnit.Step)));
        Assert.Single(new[] { always, rarely, within }.Select(run => run.Outcome.WeightsHash).Distinct());
        Assert.Equal(always.Outcome.Metrics, within.Outcome.Metrics);

        // The second by the count, the third as the last.
        Assert.Equal([false, true, true], rarely.Notes.Epochs.Select(epoch => epoch.Metrics.ContainsKey("val_loss")));
        Assert.All(rarely.Notes.Epochs, epoch => Assert.Contains("train_loss", epoch.Metrics));
        Assert.Equal(always.Notes.Epochs[1].Metrics, rarely.Notes.Epochs[1].Metrics);
        Assert.Equal(always.Outcome.Metrics, rarely.Outcome.Metrics);

        Assert.Empty(always.Notes.Evaluations);
        Assert.Equal([(6, 0), (12, 0), (18, 1), (24, 1), (36, 2), (42, 2)], within.Notes.Evaluations.Select(evaluation => ((int)evaluation.Step, evaluation.Epoch)));
        Assert.All(within.Notes.Evaluations, evaluation => Assert.Contains("val_accuracy", evaluation.Metrics));
    }

    [Fact]
    public void A_step_that_diverges_names_itself_and_is_not_applied()
    {
        var notes = new Notes();
        var spec = Digits.Spec(Mlp, new TrainingSpec { Epochs = 5, Optimizer = new OptimizerSpec { Name = "sgd", LearningRate = 1e30 } });
        var error = Assert.Throws<DivergedException>(() => digits.Train(spec, notes));
        Assert.Equal(notes.Steps.Count + 1, error.Step);
        Assert.Contains("is not a finite number", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Clipping_bounds_the_norm_of_the_reduced_gradient()
    {
        double[] Weights(double rate, double? norm)
        {
            var notes = new Notes();
            digits.Train(
                Digits.Spec(Mlp, new TrainingSpec
                {
                    BatchSize = 2000,
                    Optimizer = new OptimizerSpec { Name = "sgd", LearningRate = rate },
                    Clip = norm is null ? null : new ClipSpec { Norm = norm },
                }),
                notes);
            Assert.True(Assert.Single(notes.Steps).GradientNorm > 0.05);
            using var file = SafetensorsFile.Open(Path.Combine(notes.Checkpoints[0].Directory, "model.safetensors"));
            return [.. file.Tensors.Keys.Order(StringComparer.Ordinal).SelectMany(name => file.Span<float>(name).ToArray()).Select(value => (double)value)];
        }

        var start = Weights(0, null);
        Assert.Equal(0.05, Distance(start, Weights(1, 0.05)), 4);
        Assert.Equal(Distance(start, Weights(1, null)), Distance(start, Weights(1, 1e6)));
    }

    [Fact]
    public void Frozen_parameters_stay_and_the_others_learn()
    {
        SortedDictionary<string, float[]> Weights(int epochs, params string[] freeze)
        {
            var notes = new Notes();
            digits.Train(Digits.Spec(Mlp, new TrainingSpec { Epochs = epochs, Optimizer = new OptimizerSpec { LearningRate = epochs == 1 ? 1e-30 : 1e-3 }, Freeze = freeze }), notes);
            using var file = SafetensorsFile.Open(Path.Combine(notes.Checkpoints[^1].Directory, "model.safetensors"));
            return new(file.Tensors.Keys.ToDictionary(name => name, name => file.Span<float>(name).ToArray()), StringComparer.Ordinal);
        }

        var (start, end) = (Weights(1), Weights(2, "hidden0", "output.bias"));
        Assert.Equal(["hidden0.bias", "hidden0.weight", "output.bias"], start.Keys.Where(name => start[name].SequenceEqual(end[name])));
    }

    [Fact]
    public void The_averaged_weights_are_the_ones_that_are_evaluated_scored_and_predicted_with()
    {
        // An average that hardly moves is as good as the untrained network.
        var (notes, slow) = (new Notes(), Digits.Spec(Mlp, new TrainingSpec { Epochs = 2, Ema = 0.999999, Optimizer = new OptimizerSpec { LearningRate = 1e-2 } }));
        var outcome = digits.Train(slow, notes);
        Assert.True(outcome.Metrics["val_accuracy"] < 0.4 && outcome.Metrics["train_loss"] < 1, $"val_accuracy is {outcome.Metrics["val_accuracy"]}, train_loss {outcome.Metrics["train_loss"]}");

        using var run = TrainingRun.Load(digits.Task(slow, notes.Checkpoints[^1].Directory), new WorkloadCatalog());
        Assert.True(run.EvaluateTest(static () => { }, TestContext.Current.CancellationToken)["test_accuracy"] < 0.4);
        using var averaged = Predictor.Load(notes.Checkpoints[^1].Directory, new WorkloadCatalog());

        // The same weights, without the average.
        var plain = new Notes();
        var same = digits.Train(slow with { Training = slow.Training with { Ema = null } }, plain);
        Assert.Equal(outcome.WeightsHash, same.WeightsHash);
        using var trained = Predictor.Load(plain.Checkpoints[^1].Directory, new WorkloadCatalog());
        var image = Enumerable.Range(0, 64).Select(pixel => (float)(pixel % 17)).ToArray();
        Assert.NotEqual(trained.Predict(image)[0].Probabilities.Values, averaged.Predict(image)[0].Probabilities.Values);
    }

    [Fact]
    public void Smoothed_labels_raise_the_training_loss_alone()
    {
        var training = new TrainingSpec { Epochs = 1, BatchSize = 2000, Optimizer = new OptimizerSpec { Name = "sgd", LearningRate = 1e-12 } };
        var (plain, smoothed) = (digits.Train(Digits.Spec(Mlp, training), new Notes()), digits.Train(Digits.Spec(Mlp, training with { LabelSmoothing = 0.2 }), new Notes()));
        Assert.Equal(plain.Metrics["val_loss"], smoothed.Metrics["val_loss"], 6);
        Assert.NotEqual(plain.Metrics["train_loss"], smoothed.Metrics["train_loss"], 4);
    }

    [Fact]
    public void A_stop_ends_the_run_after_its_epoch_with_a_checkpoint_that_goes_on_to_the_same_bits()
    {
        var training = new TrainingSpec { Epochs = 3, Checkpoint = new CheckpointSpec { Every = new Every(3, EveryUnit.Epoch) } };
        var whole = digits.Train(Digits.Spec(Mlp, training), new Notes());
        var stop = new StopSignal();
        var notes = new Notes { OnStep = step => { if (step.Epoch == 1) { stop.RequestStop(); } } };
        var stopped = digits.Train(Digits.Spec(Mlp, training), notes, stop);
        Assert.True(stopped.Stopped);
        Assert.Equal(2, stopped.Epoch);

        var rest = digits.Train(Digits.Spec(Mlp, training), new Notes(), checkpoint: notes.Checkpoints[^1].Directory);
        Assert.False(rest.Stopped);
        Assert.Equal(whole.WeightsHash, rest.WeightsHash);

        // A finished run resumed does nothing and says the same.
        var finished = new Notes();
        digits.Train(Digits.Spec(Mlp, training), finished);
        Assert.Equal(whole.WeightsHash, digits.Train(Digits.Spec(Mlp, training), new Notes(), checkpoint: finished.Checkpoints[^1].Directory).WeightsHash);
    }

    [Fact]
    public void A_run_in_parts_ends_each_with_a_checkpoint_and_the_last_with_the_same_bits()
    {
        var training = new TrainingSpec { Epochs = 3, Schedule = new ScheduleSpec { Name = "one-cycle" }, Checkpoint = new CheckpointSpec { Every = new Every(3, EveryUnit.Epoch) } };
        var whole = digits.Train(Digits.Spec(Mlp, training), new Notes());
        string? from = null;
        foreach (var until in new[] { 1, 2 })
        {
            var notes = new Notes();
            var part = digits.Train(Digits.Spec(Mlp, training), notes, checkpoint: from, until: until);
            Assert.Equal((until, false, true), (part.Epoch, part.Stopped, part.Paused));
            Assert.Equal(part.Step, notes.Checkpoints[^1].Step);
            from = notes.Checkpoints[^1].Directory;
        }

        Assert.Equal(whole.WeightsHash, digits.Train(Digits.Spec(Mlp, training), new Notes(), checkpoint: from).WeightsHash);
    }

    private static double Distance(double[] left, double[] right) => Math.Sqrt(left.Zip(right).Sum(pair => (pair.First - pair.Second) * (pair.First - pair.Second)));
}
