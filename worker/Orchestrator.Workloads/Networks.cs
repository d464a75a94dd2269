using System.Diagnostics;
using Orchestrator.Specs.Models;
using Orchestrator.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Workloads;

/// <summary>The classifiers' networks. Module names are part of the checkpoint's format.</summary>
internal static class Networks
{
    /// <summary>flatten, then (linear, batch norm, activation, dropout) for each hidden width, then linear.</summary>
    public static nn.Module<Tensor, Tensor> Mlp(ImageClassifierModel options, long[] shape, int classes)
    {
        var layers = new List<(string, nn.Module<Tensor, Tensor>)> { ("flatten", nn.Flatten()) };
        AddDense(layers, options, shape.Aggregate(1L, (product, dimension) => product * dimension), classes);
        return nn.Sequential(layers);
    }

    /// <summary>(3x3 convolution, batch norm, activation, 2x2 max pooling) for each number of channels, then the dense layers.</summary>
    public static nn.Module<Tensor, Tensor> Cnn(ImageClassifierModel options, long[] shape, int classes)
    {
        if (shape is not [var channels, var height, var width])
        {
            throw WorkloadContext.Mistake("shape-mismatch", "model.architecture", $"a cnn takes images, not samples of shape [{string.Join(", ", shape)}]", "architecture: mlp");
        }

        var layers = new List<(string, nn.Module<Tensor, Tensor>)>();
        for (var block = 0; block < options.Channels.Count; block++)
        {
            (height, width) = (height / 2, width / 2);
            if (height == 0 || width == 0)
            {
                throw WorkloadContext.Mistake(
                    "shape-mismatch", "model.channels", $"{options.Channels.Count} convolutions with pooling do not fit samples of shape [{string.Join(", ", shape)}]", "fewer channels");
            }

            layers.Add(($"conv{block}", nn.Conv2d(channels, options.Channels[block], 3, padding: 1)));
            channels = options.Channels[block];
            if (options.BatchNorm)
            {
                layers.Add(($"norm{block}", nn.BatchNorm2d(channels)));
            }

            layers.Add(($"act{block}", Activation(options.Activation)));
            layers.Add(($"pool{block}", nn.MaxPool2d(2)));
        }

        layers.Add(("flatten", nn.Flatten()));
        AddDense(layers, options, channels * height * width, classes);
        return nn.Sequential(layers);
    }

    private static void AddDense(List<(string, nn.Module<Tensor, Tensor>)> layers, ImageClassifierModel options, long inputs, int classes)
    {
        for (var layer = 0; layer < options.Hidden.Count; layer++)
        {
            layers.Add(($"hidden{layer}", new Dense(inputs, options.Hidden[layer])));
            inputs = options.Hidden[layer];
            if (options.BatchNorm)
            {
                layers.Add(($"hidden_norm{layer}", nn.BatchNorm1d(inputs)));
            }

            layers.Add(($"hidden_act{layer}", Activation(options.Activation)));
            if (options.Dropout > 0)
            {
                layers.Add(($"dropout{layer}", nn.Dropout(options.Dropout)));
            }
        }

        layers.Add(("output", new Dense(inputs, classes)));
    }

    private static nn.Module<Tensor, Tensor> Activation(string name) => name switch
    {
        "relu" => nn.ReLU(),
        "gelu" => nn.GELU(),
        "tanh" => nn.Tanh(),
        "sigmoid" => nn.Sigmoid(),
        _ => throw new UnreachableException($"The binder lets no activation '{name}' through."),
    };
}
