using System.Text.Json.Nodes;
using Orchestrator.Training;

namespace Orchestrator.Simulation.Tests;

/// <summary>The checkpoint that a trainer keeps, and the one that it writes: the course of CheckpointWriter.</summary>
internal sealed class SimulatedCheckpoints(VirtualWorld world, SimulatedTrainer trainer)
{
    private static readonly JsonObject NoDataset = [];

    private CheckpointImage? held;
    private Task<CheckpointImage>? writing;

    /// <summary>-1 for none.</summary>
    public long HeldStep => held?.Manifest.Step ?? -1;

    /// <summary>The one that is kept was written, or is being written.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>How many its agent was told of.</summary>
    public int Told { get; private set; }

    public bool IsWriting => writing is not null;

    /// <summary>One is written that nobody was told of.</summary>
    public bool IsWritten => writing is { IsCompleted: true };

    public void Hold(TrainingState state, ulong weights) => (held, HasBegun) = (new CheckpointImage(Manifest(state), weights), false);

    public void Write()
    {
        HasBegun = true;
        writing = WriteAsync(held!);
    }

    /// <summary>Waits for the one that is being written, if any.</summary>
    public async Task TellAsync()
    {
        if (writing is { } last)
        {
            var image = await last;
            writing = null;
            Told++;
            trainer.Task.Hear(trainer, image);
        }
    }

    private async Task<CheckpointImage> WriteAsync(CheckpointImage image)
    {
        await world.Delay(trainer.Process, world.Between(20, 600));
        return image;
    }

    private static CheckpointManifest Manifest(TrainingState state) => new()
    {
        Run = Simulation.Run,
        Step = state.Step,
        Epoch = state.Epoch,
        StepOfEpoch = state.StepOfEpoch,
        Seed = Arithmetic.Seed,
        Spec = null!,
        DatasetSha256 = "",
        Dataset = NoDataset,
        Ledger = state.Ledger.Entry,
        EpochLoss = state.EpochLoss,
        Metrics = new SortedDictionary<string, double>(state.Metrics, StringComparer.Ordinal),
        Course = null,
        Trail = state.Trail.Record,
        Hardware = null!,
        Files = [],
    };
}
