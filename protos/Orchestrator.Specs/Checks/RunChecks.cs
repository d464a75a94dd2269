using Orchestrator.Specs.Binding;
using Orchestrator.Specs.Models;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs.Checks;

/// <summary>What must hold between a run's fields.</summary>
internal static class RunChecks
{
    /// <summary>The optimizers that a field applies to; all where it is not named.</summary>
    private static readonly Dictionary<string, string[]> OptimizerFields = new(StringComparer.Ordinal)
    {
        ["momentum"] = ["sgd", "rmsprop"],
        ["nesterov"] = ["sgd"],
        ["beta1"] = ["adam", "adamw"],
        ["beta2"] = ["adam", "adamw"],
        ["alpha"] = ["rmsprop"],
        ["epsilon"] = ["adam", "adamw", "rmsprop"],
    };

    /// <summary>The schedules that a field applies to; all where it is not named.</summary>
    private static readonly Dictionary<string, string[]> ScheduleFields = new(StringComparer.Ordinal)
    {
        ["final"] = ["linear", "cosine"],
        ["every"] = ["step"],
        ["factor"] = ["step", "plateau"],
        ["patience"] = ["plateau"],
    };

    public static void Check(RunSpec spec, SpecNode.Map document)
    {
        RunNames.Check(spec.Name, document);
        if (spec.IsCommand)
        {
            CheckCommand(spec, document);
            return;
        }

        CheckWorkload(spec, document);
        CheckTraining(spec.Training, document);
        CheckOptimizer(spec.Training.Optimizer, document);
        CheckSchedule(spec.Training.Schedule, document);
    }

    private static void CheckCommand(RunSpec spec, SpecNode.Map document)
    {
        if (spec.Command is not { Count: > 0 } command || command[0].Length == 0)
        {
            throw document.Place.Child("command").Error("missing-field", "it is not said which program to run", "command: [python3, train.py, --lr, $lr]");
        }

        foreach (var section in (string[])["dataset", "model", "package"])
        {
            if (document[section] is { } found)
            {
                throw found.Place.Error("unknown-field", "a command has data and a model of its own", $"take {section} away, or give it to the command as an argument");
            }
        }
    }

    private static void CheckWorkload(RunSpec spec, SpecNode.Map document)
    {
        foreach (var field in (string[])["command", "environment", "working_directory", "timeout"])
        {
            if (document[field] is { } found)
            {
                throw found.Place.Error("unknown-field", $"{field} belongs to workload: command", $"workload: command, or take {field} away");
            }
        }

        if (document["dataset"] is null)
        {
            throw document.Place.Child("dataset").Error("missing-field", "this field is needed", "The dataset's name, or a mapping with its split seed.");
        }

        if (spec.Package is not null && spec.Workload.Length > 0)
        {
            throw At(document, "package").Error("duplicate-field", "both workload and package are given", "keep one of them");
        }

        if (spec.Package is not null)
        {
            return;
        }

        if (spec.Workload.Length == 0)
        {
            throw document.Place.Child("workload").Error("missing-field", "this field is needed", $"one of {string.Join(", ", ModelCatalog.Families.Keys)}; or package: ./My.dll");
        }

        var family = ModelCatalog.Find(spec.Workload, At(document, "workload") with { Field = "" });
        var model = document["model"] ?? new SpecNode.Map(document.Place.Child("model"), []);
        if (family.Model == typeof(ImageClassifierModel))
        {
            CheckImageClassifier(Binder.Bind<ImageClassifierModel>(model), spec.Training, document);
        }
    }

    private static void CheckImageClassifier(ImageClassifierModel model, TrainingSpec training, SpecNode.Map document)
    {
        if (model.Architecture == "mlp" && (document["model"] as SpecNode.Map)?["channels"] is { } channels)
        {
            throw channels.Place.Error("unknown-field", "an mlp has no channels", "architecture: cnn, or take channels away");
        }

        if (model.BatchNorm && training.BatchSize / training.Shards < 2)
        {
            throw At(document, "training", "batch_size").Error(
                "out-of-range", $"batch norm needs 2 samples in a shard, and {training.BatchSize} over {training.Shards} shards has fewer", $"batch_size of at least {training.Shards * 2}");
        }
    }

    private static void CheckTraining(TrainingSpec training, SpecNode.Map document)
    {
        if (training.Shards > training.BatchSize)
        {
            throw At(document, "training", "shards").Error("out-of-range", $"{training.Shards} shards are more than the {training.BatchSize} samples of a batch", "fewer shards, or a larger batch_size");
        }

        if (training is { LabelSmoothing: > 0, Loss: "mse" })
        {
            throw At(document, "training", "label_smoothing").Error("out-of-range", "the mse loss has no label smoothing", "loss: cross-entropy, or take label_smoothing away");
        }

        if (training.Clip is { Norm: null, Value: null })
        {
            throw At(document, "training", "clip").Error("missing-field", "it says no bound", "clip: { norm: 1 }, or: { value: 0.5 }");
        }

        if (training.Workers.Min > training.Workers.Max)
        {
            throw At(document, "training", "workers").Error("out-of-range", $"min {training.Workers.Min} is above max {training.Workers.Max}", "min is at most max");
        }

        if (training.Workers.Max > training.Shards)
        {
            throw At(document, "training", "workers").Error(
                "out-of-range", $"{training.Workers.Max} workers are more than the {training.Shards} shards of a step", "each worker holds a shard at least: fewer workers, or more shards");
        }
    }

    private static void CheckOptimizer(OptimizerSpec optimizer, SpecNode.Map document)
    {
        foreach (var (field, optimizers) in OptimizerFields)
        {
            if ((((document["training"] as SpecNode.Map)?["optimizer"] as SpecNode.Map)?[field]) is { } given && !optimizers.Contains(optimizer.Name, StringComparer.Ordinal))
            {
                throw given.Place.Error("unknown-field", $"{optimizer.Name} has no {field}", $"it belongs to {string.Join(" and ", optimizers)}; a parameter may say when: {{ optimizer: {optimizers[0]} }}");
            }
        }

        if (optimizer is { Nesterov: true, Momentum: 0 })
        {
            throw At(document, "training", "optimizer", "nesterov").Error("out-of-range", "nesterov needs momentum above 0", "momentum: 0.9");
        }
    }

    private static void CheckSchedule(ScheduleSpec schedule, SpecNode.Map document)
    {
        foreach (var (field, schedules) in ScheduleFields)
        {
            if ((((document["training"] as SpecNode.Map)?["schedule"] as SpecNode.Map)?[field]) is { } given && !schedules.Contains(schedule.Name, StringComparer.Ordinal))
            {
                throw given.Place.Error("unknown-field", $"{schedule.Name} has no {field}", $"it belongs to {string.Join(" and ", schedules)}");
            }
        }

        if (schedule is { Name: "step", Every: null })
        {
            throw At(document, "training", "schedule").Error("missing-field", "a step schedule says how often the rate falls", "schedule: { name: step, every: 10 epochs, factor: 0.1 }");
        }
    }

    /// <summary>The place of the innermost of these fields that the file has.</summary>
    private static Place At(SpecNode.Map document, params ReadOnlySpan<string> path)
    {
        SpecNode node = document;
        var field = string.Join('.', path);
        foreach (var name in path)
        {
            if ((node as SpecNode.Map)?[name] is not { } child)
            {
                break;
            }

            node = child;
        }

        return node.Place with { Field = field };
    }
}
