using Orchestrator.Specs.Binding;

namespace Orchestrator.Specs.Models;

/// <summary>The <c>model</c> section of an <c>image-classifier</c>.</summary>
public sealed record ImageClassifierModel
{
    [Field("mlp: dense layers; cnn: 3x3 convolutions, each followed by 2x2 max pooling, then dense layers.", OneOf = "mlp cnn")]
    public string Architecture { get; init; } = "mlp";

    [Field("cnn only: output channels of each convolution.", Min = 1, Max = 65_536)]
    public IReadOnlyList<int> Channels { get; init; } = [32, 64];

    [Field("Widths of the hidden dense layers: one, or a list.", Min = 1, Max = 1 << 20)]
    public IReadOnlyList<int> Hidden { get; init; } = [128];

    [Field("After every hidden layer.", OneOf = "relu gelu tanh sigmoid")]
    public string Activation { get; init; } = "relu";

    [Field("Normalises every hidden layer over its shard of the batch.")]
    public bool BatchNorm { get; init; }

    [Field("Probability of dropping a hidden activation before the dense layers' outputs.", Min = 0, Below = 1)]
    public double Dropout { get; init; }
}
