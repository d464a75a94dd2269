using System.Text.Json.Nodes;
using Orchestrator.Coordinator.Datasets;
using Orchestrator.Search;
using Orchestrator.Specs;
using Orchestrator.Specs.Binding;
using Orchestrator.Specs.Models;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>What a trial's checkpoint takes on disk, from the file alone: known where the family's networks and the dataset's shape are, without training anything.</summary>
internal static class ModelSize
{
    private const int Float = 4;

    /// <summary>Channels, height, width and classes of the one dataset that every coordinator has.</summary>
    private static readonly (long Channels, long Height, long Width, long Classes) Digits = (1, 8, 8, 10);

    /// <summary>The mean over these trials; null where it is not known.</summary>
    public static long? MeanOf(SweepFile file, IReadOnlyList<ParameterAssignment> trials)
    {
        if (file.IsExternal || file.IsCommand || file.Package is not null || file.Dataset.Name != BuiltInDigits.Name || trials.Count == 0)
        {
            return null;
        }

        var sum = 0L;
        foreach (var trial in trials)
        {
            var spec = file.Resolve(trial.ToDictionary(parameter => parameter.Key, parameter => parameter.Value.ToNode(), StringComparer.Ordinal));
            if (spec.Workload != "image-classifier")
            {
                return null;
            }

            sum += CheckpointOf(spec);
        }

        return sum / trials.Count;
    }

    /// <summary>Weights, what the optimizer keeps of each, and their moving average: 4 bytes a number.</summary>
    internal static long CheckpointOf(RunSpec spec)
    {
        var optimizer = spec.Training.Optimizer;
        var kept = optimizer.Name switch
        {
            "adam" or "adamw" => 2,
            "rmsprop" => optimizer.Momentum > 0 ? 2 : 1,
            _ => optimizer.Momentum > 0 ? 1 : 0,
        };
        return Float * ParametersOf(spec.Model) * (1 + kept + (spec.Training.Ema is null ? 0 : 1));
    }

    /// <summary>Of the networks of <c>image-classifier</c>, as its trainers build them: 3x3 convolutions that halve the image, then dense layers.</summary>
    private static long ParametersOf(JsonObject section)
    {
        var model = Binder.Bind<ImageClassifierModel>(YamlReader.ReadValue(section.ToJsonString(), new Place("", 0, 0, "model")));
        var (channels, height, width, classes) = Digits;
        var count = 0L;
        foreach (var next in model.Architecture == "cnn" ? model.Channels : [])
        {
            count += (channels * 9 * next) + next + Norm(next);
            (channels, height, width) = (next, height / 2, width / 2);
        }

        var inputs = channels * height * width;
        foreach (var next in model.Hidden)
        {
            count += (inputs * next) + next + Norm(next);
            inputs = next;
        }

        return count + (inputs * classes) + classes;

        long Norm(int width) => model.BatchNorm ? 2L * width : 0;
    }
}
