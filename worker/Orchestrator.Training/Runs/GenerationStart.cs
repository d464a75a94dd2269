namespace Orchestrator.Training;

/// <summary>What a rank needs to know of its generation besides the connections.</summary>
/// <param name="KnownEpochs">Epochs that stand in the run's journal: rank 0 tells those beyond again, should they have died with who told them.</param>
/// <param name="KnownCheckpoint">The step of the last checkpoint that stands there. Where rank 0 is another than before, it writes a later one again: who was writing it may leave, or be gone.</param>
/// <param name="Switch">Asked once a step: whether the order for the next generation is here. The step at which all ranks say so is this generation's last.</param>
/// <param name="UntilEpoch">As <see cref="TrainingTask.UntilEpoch"/>; null: what the task said.</param>
public sealed record GenerationStart(int KnownEpochs, long KnownCheckpoint, Func<bool> Switch, int? UntilEpoch = null)
{
    /// <summary>Nothing was said before, and nothing comes after.</summary>
    public static GenerationStart Only { get; } = new(0, 0, static () => false);
}
