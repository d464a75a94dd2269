using System.Text;
using Orchestrator.Data;
using Orchestrator.Training.Checkpoints;
using Orchestrator.Training.Engine;
using Orchestrator.Training.Input;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training;

/// <param name="Class">The most probable one.</param>
/// <param name="Probabilities">By class; they add up to 1.</param>
public sealed record Prediction(string Class, IReadOnlyDictionary<string, double> Probabilities);

/// <summary>A classifier out of a checkpoint: nothing else is needed.</summary>
public sealed class Predictor : IDisposable
{
    private const int BatchRows = 256;

    private readonly Workload workload;
    private readonly FlatModel model;
    private readonly FeatureEncoder encoder;

    private Predictor(CheckpointManifest checkpoint, DatasetManifest dataset, Workload workload, FlatModel model, InputSpec input)
    {
        Checkpoint = checkpoint;
        Dataset = dataset;
        this.workload = workload;
        this.model = model;
        encoder = new FeatureEncoder(input, dataset, []);
        InputFeature = input.Feature;
    }

    public CheckpointManifest Checkpoint { get; }

    /// <summary>Of the dataset that it was trained on: its classes, and the shapes of its features.</summary>
    public DatasetManifest Dataset { get; }

    /// <summary>The feature that <see cref="Predict"/> takes.</summary>
    public string InputFeature { get; }

    /// <summary>Values of one row.</summary>
    public int RowElements => checked((int)Dataset.Features[InputFeature].Elements);

    /// <exception cref="CorruptCheckpointException">The folder is damaged.</exception>
    /// <exception cref="Specs.SpecException">The workload can't be made, or is no classifier.</exception>
    public static Predictor Load(string checkpointDirectory, IWorkloadCatalog catalog)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        var checkpoint = CheckpointFolder.Verify(checkpointDirectory);
        var spec = checkpoint.Spec;
        set_num_threads(spec.Training.Threads);
        DatasetManifest dataset;
        try
        {
            dataset = DatasetManifest.Parse(Encoding.UTF8.GetBytes(checkpoint.Dataset.ToJsonString()));
        }
        catch (DataFormatException error)
        {
            throw new CorruptCheckpointException(checkpointDirectory, $"its dataset can't be read: {error.Problem}", error);
        }

        if (dataset.Classes.IsEmpty)
        {
            throw WorkloadContext.Mistake("not-a-classifier", "", $"{checkpointDirectory}: it was trained on a dataset without classes", "predict takes classifiers");
        }

        var created = catalog.For(spec).Create(new WorkloadContext(spec, dataset));
        FlatModel? flat = null;
        try
        {
            flat = new FlatModel(created.Model, CPU);
            StateSnapshot.Load(checkpointDirectory, flat, optimizer: null);
            if (spec.Training.Ema is not null)
            {
                StateSnapshot.LoadAverage(checkpointDirectory, flat);
            }

            flat.Module.eval();
            return new Predictor(checkpoint, dataset, created, flat, created.Inputs.First(input => input.Feature != dataset.Target));
        }
        catch
        {
            flat?.Dispose();
            created.Dispose();
            throw;
        }
    }

    /// <param name="values">[rows, ...shape] of the input feature, in the units that the dataset stores: 0 to 255 for images of bytes.</param>
    /// <returns>One a row.</returns>
    public IReadOnlyList<Prediction> Predict(ReadOnlySpan<float> values)
    {
        if (values.Length % RowElements != 0)
        {
            throw new ArgumentException($"{values.Length} values are not whole rows of {RowElements}.", nameof(values));
        }

        var predictions = new List<Prediction>(values.Length / RowElements);
        for (var rest = values; rest.Length > 0;)
        {
            var rows = Math.Min(BatchRows, rest.Length / RowElements);
            PredictBatch(rest[..(rows * RowElements)], rows, predictions);
            rest = rest[(rows * RowElements)..];
        }

        return predictions;
    }

    public void Dispose()
    {
        model.Dispose();
        workload.Dispose();
    }

    private void PredictBatch(ReadOnlySpan<float> values, int rows, List<Prediction> predictions)
    {
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        var encoded = values.ToArray();
        if (encoder.Normalised)
        {
            for (var row = 0; row < rows; row++)
            {
                encoder.Normalise(encoded.AsSpan(row * RowElements, RowElements));
            }
        }

        var features = new Dictionary<string, Tensor>(StringComparer.Ordinal)
        {
            [InputFeature] = tensor(encoded, [rows, .. encoder.Shape]).to(encoder.ElementType),
            [Dataset.Target] = zeros(rows, dtype: ScalarType.Int64),
        };
        var output = workload.Forward(workload.Prepare(new Batch(features, Dataset.Target, rows)));
        var probabilities = workload.Probabilities(output).to(ScalarType.Float32).cpu().contiguous();
        var classes = Dataset.Classes.Length;
        var all = HostMemory.Span<float>(probabilities);
        for (var row = 0; row < rows; row++)
        {
            predictions.Add(PredictionOf(all.Slice(row * classes, classes)));
        }
    }

    private Prediction PredictionOf(ReadOnlySpan<float> probabilities)
    {
        var byClass = new Dictionary<string, double>(probabilities.Length, StringComparer.Ordinal);
        var best = 0;
        for (var index = 0; index < probabilities.Length; index++)
        {
            byClass[Dataset.Classes[index]] = probabilities[index];
            best = probabilities[index] > probabilities[best] ? index : best;
        }

        return new Prediction(Dataset.Classes[best], byClass);
    }
}
