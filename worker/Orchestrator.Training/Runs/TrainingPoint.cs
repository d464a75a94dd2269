namespace Orchestrator.Training;

/// <summary>Exact places in a rank's work, in the order in which it comes to them. Whoever is told of one may let the rank die, freeze or wait there: tests do.</summary>
public enum TrainingPoint
{
    /// <summary>A generation has met, and becomes level.</summary>
    Join,

    /// <summary>A tensor of the state is about to go from rank to rank.</summary>
    Transfer,

    /// <summary>Before a shard's batch is there.</summary>
    Data,
    Forward,
    Backward,

    /// <summary>Before the gradients of all ranks are added; the first bucket of them, where they go in several: then backward still runs.</summary>
    Gradients,

    /// <summary>Before each further bucket, with the ones before it on their way.</summary>
    Bucket,

    /// <summary>Before the losses, counts and signals of all ranks are added.</summary>
    Totals,

    /// <summary>The sums are checked; nothing is written yet.</summary>
    Update,

    /// <summary>The parameters have the step in them, and nobody was told.</summary>
    Applied,
    Evaluate,

    /// <summary>An epoch is over, and nobody was told.</summary>
    Epoch,

    /// <summary>A checkpoint is due.</summary>
    Checkpoint,

    /// <summary>Its memory is kept; rank 0 has begun to write it.</summary>
    Write,

    /// <summary>All epochs are done; rank 0 may still be writing the last checkpoint.</summary>
    End,
}
