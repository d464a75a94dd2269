namespace Orchestrator.Training;

/// <summary>How far a run is: what its next checkpoint says.</summary>
internal sealed class Position
{
    /// <summary>Steps applied since the run began.</summary>
    public long Step { get; set; }

    /// <summary>Whole epochs done.</summary>
    public int Epoch { get; private set; }

    /// <summary>Steps done of the epoch after those.</summary>
    public long StepOfEpoch { get; set; }

    /// <summary>The sum of the sample losses of those steps.</summary>
    public double EpochLoss { get; set; }

    /// <summary>Of the last whole epoch.</summary>
    public SortedDictionary<string, double> Metrics { get; private set; } = new(StringComparer.Ordinal);

    /// <summary>Of the last whole epoch.</summary>
    public long SamplesPerEpoch { get; private set; }

    public static Position Of(CheckpointManifest? checkpoint) => checkpoint is null
        ? new Position()
        : new Position
        {
            Step = checkpoint.Step,
            Epoch = checkpoint.Epoch,
            StepOfEpoch = checkpoint.StepOfEpoch,
            EpochLoss = checkpoint.EpochLoss,
            Metrics = new SortedDictionary<string, double>(checkpoint.Metrics, StringComparer.Ordinal),
            SamplesPerEpoch = checkpoint.StepOfEpoch == 0 ? checkpoint.Ledger.Samples : 0,
        };

    public void FinishEpoch(SortedDictionary<string, double> metrics, long samples)
    {
        Epoch++;
        StepOfEpoch = 0;
        Metrics = metrics;
        SamplesPerEpoch = samples;
    }
}
