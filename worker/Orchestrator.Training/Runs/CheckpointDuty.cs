namespace Orchestrator.Training;

/// <summary>What a rank has to do, at a generation's beginning, about the checkpoint that was due last: who was to write it may have taken it along.</summary>
internal enum CheckpointDuty
{
    None,

    /// <summary>All keep the state, rank 0 writes it: it is still what the checkpoint is of.</summary>
    Save,

    /// <summary>This rank kept it, and now it is the one to write it.</summary>
    Write,
}

internal static class CheckpointDuties
{
    /// <param name="known">The step of the last checkpoint that stands in the run's journal.</param>
    /// <param name="held">The step of the one that this rank keeps; -1 for none.</param>
    /// <param name="begun">Whether this rank wrote it, or is writing it.</param>
    public static CheckpointDuty Of(TrainingState state, long known, int rank, long held, bool begun)
    {
        if (state.DueCheckpoint <= known)
        {
            return CheckpointDuty.None;
        }

        return held != state.DueCheckpoint && state.Step == state.DueCheckpoint ? CheckpointDuty.Save
            : rank == 0 && held == state.DueCheckpoint && !begun ? CheckpointDuty.Write
            : CheckpointDuty.None;
    }
}
