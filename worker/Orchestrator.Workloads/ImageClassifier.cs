using Orchestrator.Specs.Models;
using Orchestrator.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Workloads;

/// <summary>
/// Tells classes apart: a multilayer perceptron over any samples, or a small convolutional network over images. Fields: <see cref="ImageClassifierModel"/>; <c>training.loss</c>: cross-entropy (default) or mse (against one-hot targets, summed over the classes).
/// </summary>
public sealed class ImageClassifier : Workload
{
    private readonly nn.Module<Tensor, Tensor> model;
    private readonly bool convolutional;
    private readonly bool squared;
    private readonly int classes;

    public ImageClassifier(WorkloadContext context)
        : base(context)
    {
        ArgumentNullException.ThrowIfNull(context);
        classes = context.Dataset.Classes.Length;
        if (classes < 2)
        {
            throw WorkloadContext.Mistake("shape-mismatch", "dataset", "it has no classes to tell apart", "a dataset whose target is a class");
        }

        squared = context.Spec.Training.Loss switch
        {
            null or "cross-entropy" => false,
            "mse" => true,
            var other => throw WorkloadContext.Mistake("unknown-value", "training.loss", $"'{other}' is no loss of a classifier", "known: cross-entropy, mse"),
        };
        var options = context.Bind<ImageClassifierModel>();
        var shape = context.Dataset.Features.First(feature => feature.Key != context.Dataset.Target).Value.Shape;
        convolutional = options.Architecture == "cnn";
        model = convolutional ? Networks.Cnn(options, [.. shape], classes) : Networks.Mlp(options, [.. shape], classes);
    }

    public override nn.Module Model => model;

    /// <returns>[batch, classes]: logits; for mse the scores themselves.</returns>
    public override Tensor Forward(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return model.forward(convolutional ? ChannelsLast(batch.Input) : batch.Input);
    }

    public override Tensor Loss(Tensor output, Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return squared
            ? nn.functional.mse_loss(output, nn.functional.one_hot(batch.Target, classes).to(ScalarType.Float32), reduction: nn.Reduction.Sum)
            : nn.functional.cross_entropy(output, batch.Target, reduction: nn.Reduction.Sum, label_smoothing: model.training ? Context.Spec.Training.LabelSmoothing : 0);
    }

    public override void Measure(Tensor output, Batch batch, MetricSums sums)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(sums);
        var correct = output.argmax(1).eq(batch.Target);
        sums.Count("accuracy", correct.sum().ToInt64(), batch.Count);
        if (sums.Detailed)
        {
            for (var label = 0; label < classes; label++)
            {
                var of = batch.Target.eq(label);
                sums.Count($"accuracy_{Context.Dataset.Classes[label]}", correct.logical_and(of).sum().ToInt64(), of.sum().ToInt64());
            }
        }
    }

    /// <summary>mse scores are clamped to [0, 1] and scaled to add up to 1.</summary>
    public override Tensor Probabilities(Tensor output)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (!squared)
        {
            return base.Probabilities(output);
        }

        var scores = output.clamp(1e-6, 1);
        return scores / scores.sum(1, keepdim: true);
    }

    /// <summary>[batch, channels, height, width], its memory laid out by pixel: convolutions and, far more, pooling are faster so.</summary>
    private static Tensor ChannelsLast(Tensor images)
    {
        var (channels, height, width) = (images.shape[1], images.shape[2], images.shape[3]);
        return images.permute(0, 2, 3, 1).contiguous().as_strided(images.shape, [height * width * channels, 1, width * channels, channels]);
    }
}
