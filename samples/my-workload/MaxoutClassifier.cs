using Orchestrator.Data;
using Orchestrator.Specs.Binding;
using Orchestrator.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MyWorkload;

/// <summary>The file's <c>model</c> section. Each property is a field: its name in snake_case, its bounds, its default.</summary>
public sealed record MaxoutModel
{
    [Field("Maxout units.", Min = 1, Max = 65_536)]
    public int Units { get; init; } = 32;

    [Field("Linear pieces of a unit.", Min = 2, Max = 64)]
    public int Pieces { get; init; } = 3;
}

/// <summary>A maxout network (Goodfellow et al., 2013) over any samples with classes, scored by balanced accuracy too.</summary>
public sealed class MaxoutClassifier(WorkloadContext context) : Workload(context)
{
    private readonly Maxout model = new(context.Bind<MaxoutModel>(), ElementsOf(context.Dataset), context.Dataset.Classes.Length);

    public override nn.Module Model => model;

    public override Tensor Forward(Batch batch) => model.forward(batch.Input);

    public override Tensor Loss(Tensor output, Batch batch) => nn.functional.cross_entropy(output, batch.Target, reduction: nn.Reduction.Sum);

    public override void Measure(Tensor output, Batch batch, MetricSums sums) =>
        sums.Count("accuracy", output.argmax(1).eq(batch.Target).sum().ToInt64(), batch.Count);

    /// <summary>[batch, 2]: the class, and the class that the model says.</summary>
    public override Tensor Rows(Tensor output, Batch batch) => stack([batch.Target, output.argmax(1)], 1);

    /// <summary>The mean of the classes' accuracies: every class counts alike, however many rows it has.</summary>
    public override void Score(ReadOnlySpan<float> rows, int columns, IDictionary<string, double> metrics)
    {
        var of = new long[Context.Dataset.Classes.Length];
        var right = new long[of.Length];
        for (var row = 0; row < rows.Length; row += columns)
        {
            of[(int)rows[row]]++;
            right[(int)rows[row]] += rows[row] == rows[row + 1] ? 1 : 0;
        }

        metrics["balanced_accuracy"] = of.Zip(right).Where(pair => pair.First > 0).Average(pair => (double)pair.Second / pair.First);
    }

    private static long ElementsOf(DatasetManifest dataset) => dataset.Features.First(feature => feature.Key != dataset.Target).Value.Elements;
}

/// <summary>[batch, ...] -> [batch, classes]</summary>
public sealed class Maxout : nn.Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear pieces;
    private readonly TorchSharp.Modules.Linear output;
    private readonly MaxoutModel options;

    public Maxout(MaxoutModel options, long inputs, long classes)
        : base(nameof(Maxout))
    {
        this.options = options;
        pieces = nn.Linear(inputs, (long)options.Units * options.Pieces);
        output = nn.Linear(options.Units, classes);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) =>
        output.forward(pieces.forward(input.flatten(1)).view(-1, options.Units, options.Pieces).amax([2]));
}
