using System.Text.Json.Nodes;
using Orchestrator.Specs.Binding;
using Orchestrator.Specs.Models;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs.Checks;

/// <summary>The sample that a model gets.</summary>
/// <param name="Shape">[channels, height, width] of an image, [columns] of a table row.</param>
/// <param name="Classes">0 where the target is a number.</param>
/// <param name="TrainRows">Rows that an epoch has.</param>
public sealed record SampleShape(IReadOnlyList<long> Shape, int Classes, long TrainRows);

/// <summary>What must hold between a run and the dataset that it is pinned to, as far as it shows without building the model.</summary>
public static class DatasetChecks
{
    /// <param name="placeOf">Where a field stands in the file that the run came from.</param>
    /// <exception cref="SpecException">They don't fit.</exception>
    public static void Check(RunSpec spec, SampleShape sample, Func<string, Place> placeOf)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(sample);
        ArgumentNullException.ThrowIfNull(placeOf);
        var shape = $"[{string.Join(", ", sample.Shape)}]";
        if (sample.TrainRows < spec.Training.Shards)
        {
            throw placeOf("dataset").Error("shape-mismatch", $"{spec.Dataset.Name} has {sample.TrainRows} training rows, fewer than {spec.Training.Shards} shards", "fewer shards");
        }

        if (spec.Workload != "image-classifier")
        {
            return;
        }

        if (sample.Classes < 2)
        {
            throw placeOf("dataset").Error("shape-mismatch", $"{spec.Dataset.Name} has no classes to tell apart", "a dataset whose target is a class");
        }

        var model = Bind(spec);
        if (model.Architecture == "cnn" && (sample.Shape.Count != 3 || sample.Shape[1] >> model.Channels.Count < 1 || sample.Shape[2] >> model.Channels.Count < 1))
        {
            throw placeOf("model.channels").Error(
                "shape-mismatch", $"{model.Channels.Count} convolutions with pooling do not fit samples of shape {shape}", sample.Shape.Count == 3 ? "fewer channels" : "architecture: mlp");
        }

        if (sample.Shape.Count != 3 && spec.Training.Augment.Count > 0)
        {
            throw placeOf("training.augment").Error("shape-mismatch", $"samples of shape {shape} are not images", "no augmentation");
        }
    }

    private static ImageClassifierModel Bind(RunSpec spec) =>
        Binder.Bind<ImageClassifierModel>(YamlReader.ReadValue(spec.Model.ToJsonString(), new Place("", 0, 0, "model")));
}
