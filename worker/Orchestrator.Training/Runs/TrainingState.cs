using System.Text.Json;
using System.Text.Json.Serialization;
using Orchestrator.Specs;

namespace Orchestrator.Training;

/// <summary>
/// How far a run is: all that decides what follows besides the tensors. It lives as long as the trainer's process, through its generations, and goes to a newcomer as JSON.
/// </summary>
internal sealed class TrainingState
{
    private static readonly JsonSerializerOptions Json = new(SpecJson.Options) { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>Steps applied since the run began.</summary>
    public long Step { get; private set; }

    /// <summary>Whole epochs done.</summary>
    public int Epoch { get; private set; }

    /// <summary>Steps done of the epoch after those.</summary>
    public long StepOfEpoch { get; private set; }

    /// <summary>The sum of the sample losses of those steps.</summary>
    public double EpochLoss { get; private set; }

    public SampleLedger Ledger { get; } = new();

    /// <summary>What its steps have computed.</summary>
    public StepTrail Trail { get; } = new();

    /// <summary>Of the last whole epoch.</summary>
    public SortedDictionary<string, double> Metrics { get; private set; } = new(StringComparer.Ordinal);

    /// <summary>Of the last whole epoch.</summary>
    public long SamplesPerEpoch { get; private set; }

    /// <summary>Some rank was asked to stop, by the last step.</summary>
    public bool Stopping { get; private set; }

    /// <summary>The step of the last checkpoint that was due; 0 before the first.</summary>
    public long DueCheckpoint { get; set; }

    /// <summary>The best value so far of the metric that chooses the best epoch; NaN before the first.</summary>
    public double Best { get; set; } = double.NaN;

    /// <summary>The other run's checkpoint that it began from.</summary>
    public CheckpointSource? Origin { get; set; }

    public MetricCourse Course { get; set; } = MetricCourse.Beginning;

    /// <summary>Those that this run has finished since it began or was resumed: whoever speaks for the gang can tell them again.</summary>
    public List<EpochResult> Epochs { get; private set; } = [];

    public static TrainingState Of(CheckpointManifest? checkpoint)
    {
        var state = new TrainingState();
        if (checkpoint is not null)
        {
            (state.Step, state.Epoch, state.StepOfEpoch, state.EpochLoss) = (checkpoint.Step, checkpoint.Epoch, checkpoint.StepOfEpoch, checkpoint.EpochLoss);
            state.Metrics = new SortedDictionary<string, double>(checkpoint.Metrics, StringComparer.Ordinal);
            state.SamplesPerEpoch = checkpoint.StepOfEpoch == 0 ? checkpoint.Ledger.Samples : 0;
            state.Ledger.Restore(checkpoint.Ledger);
            state.Trail.Restore(checkpoint.Trail, checkpoint.Step);
            state.Course = checkpoint.Course ?? MetricCourse.Beginning;
        }

        return state;
    }

    public void BeginEpoch()
    {
        Ledger.Clear();
        EpochLoss = 0;
    }

    public void FinishStep(double lossSum, double gradientNorm, bool stopping)
    {
        Trail.Add(lossSum, gradientNorm);
        Step++;
        StepOfEpoch++;
        EpochLoss += lossSum;
        Stopping = stopping;
    }

    public void FinishEpoch(EpochResult result)
    {
        Epoch++;
        StepOfEpoch = 0;
        Metrics = new SortedDictionary<string, double>(result.Metrics.ToDictionary(), StringComparer.Ordinal);
        SamplesPerEpoch = result.Samples;
        Epochs.Add(result);
    }

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(
        new Wire(Step, Epoch, StepOfEpoch, EpochLoss, Ledger.Entry, Metrics, SamplesPerEpoch, Stopping, DueCheckpoint, Best, Course, Epochs, Trail.Record, Origin), Json);

    /// <summary>Becomes what a peer's is.</summary>
    public void Take(ReadOnlySpan<byte> bytes)
    {
        var wire = JsonSerializer.Deserialize<Wire>(bytes, Json)!;
        (Step, Epoch, StepOfEpoch, EpochLoss) = (wire.Step, wire.Epoch, wire.StepOfEpoch, wire.EpochLoss);
        (SamplesPerEpoch, Stopping, DueCheckpoint, Best) = (wire.SamplesPerEpoch, wire.Stopping, wire.DueCheckpoint, wire.Best);
        Metrics = new SortedDictionary<string, double>(wire.Metrics, StringComparer.Ordinal);
        Course = wire.Course;
        Origin = wire.Origin;
        Epochs = [.. wire.Epochs];
        Ledger.Restore(wire.Ledger);
        Trail.Restore(wire.Trail, wire.Step);
    }

    private sealed record Wire(long Step, int Epoch, long StepOfEpoch, double EpochLoss, LedgerEntry Ledger, SortedDictionary<string, double> Metrics, long SamplesPerEpoch, bool Stopping,
        long DueCheckpoint, double Best, MetricCourse Course, IReadOnlyList<EpochResult> Epochs, StepTrailRecord? Trail, CheckpointSource? Origin);
}
