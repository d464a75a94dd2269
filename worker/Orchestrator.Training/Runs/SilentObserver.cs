namespace Orchestrator.Training;

/// <summary>For runs of which only the outcome counts.</summary>
public sealed class SilentObserver : ITrainingObserver
{
    public void Progress(TrainingProgress progress)
    {
        // Nobody asks.
    }

    public void EpochFinished(EpochResult result)
    {
        // Nobody asks.
    }

    public void CheckpointWritten(CheckpointResult result)
    {
        // Nobody asks.
    }

    public void StepMeasured(StepResult result)
    {
        // Nobody asks.
    }
}
