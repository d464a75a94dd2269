using Xunit;
using System.Text.Json.Nodes;
using Orchestrator.Collectives;
using Orchestrator.Data;
using Orchestrator.Data.Augmentation;
using Orchestrator.Data.Importing;
using Orchestrator.Specs;
using Orchestrator.Training;

namespace Orchestrator.Workloads.Tests;

/// <summary>The shipped digits as images, imported once, and a folder for what runs write.</summary>
public sealed class Digits : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("orchestrator-workloads-").FullName;
    private int outputs;

    public Digits()
    {
        Dataset = Path.Combine(folder, "digits");
        Manifest = DatasetImport.Run(Path.Combine(AppContext.BaseDirectory, "digits.csv.gz"), new ImportOptions { ImageShape = new ImageShape(1, 8, 8) }, Dataset);
    }

    public string Dataset { get; }

    public DatasetManifest Manifest { get; }

    public static RunSpec Spec(string model, TrainingSpec training) => new()
    {
        Name = "digits",
        Workload = "image-classifier",
        Seed = 7,
        Dataset = new DatasetSpec { Name = "digits" },
        Model = JsonNode.Parse(model)!.AsObject(),
        Training = training,
    };

    /// <summary>A fresh folder.</summary>
    public string Output() => Path.Combine(folder, $"output-{outputs++}");

    public TrainingTask Task(RunSpec spec, string? checkpoint = null) => new()
    {
        Spec = spec,
        Run = "run",
        DatasetDirectory = Dataset,
        Plan = ShardPlan.Even(spec.Training.Shards, 1),
        Rank = 0,
        CheckpointDirectory = checkpoint,
        OutputDirectory = Output(),
    };

    /// <summary>Trains on one rank, in this process.</summary>
    internal TrainingOutcome Train(RunSpec spec, Notes notes, StopSignal? stop = null, string? checkpoint = null, int until = 0)
    {
        var task = Task(spec, checkpoint) with { UntilEpoch = until };
        using var run = TrainingRun.Load(task, new WorkloadCatalog());
        return run.Train(new LocalCollective(task.Plan), notes, stop ?? new StopSignal(), TestContext.Current.CancellationToken);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
