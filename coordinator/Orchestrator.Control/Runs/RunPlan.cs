using Orchestrator.Specs;

namespace Orchestrator.Control.Runs;

/// <summary>What the run coordinator needs of a run file; the rest of it is the trainers' business.</summary>
/// <param name="MinWorkers">Fewest members of a gang.</param>
/// <param name="MaxWorkers">Most members; never above <paramref name="Shards"/>.</param>
/// <param name="StepsPlanned">0 where the dataset's rows are not known.</param>
/// <param name="IsScored">Whether there is a test split to score by; a command has none.</param>
/// <param name="IsCommand">A checkpoint is written where the program ends or is paused, and nowhere else.</param>
/// <param name="IsCopied">Other runs begin at the checkpoints with which it pauses: it tells of that epoch once the checkpoint is there.</param>
public sealed record RunPlan(
    string Name, int MinWorkers, int MaxWorkers, int Shards, int Epochs, long StepsPlanned, Retention Retention, FailureBudgets Budgets, bool IsScored = true, bool IsCommand = false,
    bool IsCopied = false)
{
    /// <param name="trainRows">Of the dataset's training split; 0 where not known.</param>
    public static RunPlan From(RunSpec spec, long trainRows = 0)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var training = spec.Training;
        var shards = Math.Max(1, training.Shards);
        var min = Math.Clamp(training.Workers.Min, 1, shards);
        var batch = Math.Max(1, training.BatchSize);
        if (spec.IsCommand)
        {
            return new RunPlan(spec.Name, 1, 1, 1, training.Epochs, training.Epochs, Retention.From(training.Checkpoint), training.Failures, IsScored: false, IsCommand: true);
        }

        return new RunPlan(spec.Name, min, Math.Clamp(training.Workers.Max, min, shards), shards, training.Epochs,
            (trainRows + batch - 1) / batch * training.Epochs, Retention.From(training.Checkpoint), training.Failures);
    }

    /// <summary>How many incidents of a kind the run survives.</summary>
    public int BudgetOf(FailureKind kind) => kind switch
    {
        FailureKind.Preempted => int.MaxValue,
        FailureKind.Lost => Budgets.Lost,
        FailureKind.Hung => Budgets.Hung,
        FailureKind.OutOfMemory => Budgets.OutOfMemory,
        // Each falls back to the checkpoint before; the bound only ends a store that loses every one.
        FailureKind.Corrupt => Budgets.Lost,
        FailureKind.User or FailureKind.Diverged => 0,
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}
