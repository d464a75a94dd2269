using Orchestrator.Collectives;
using Orchestrator.Specs;

namespace Orchestrator.Training;

/// <summary>What a trainer is told when it starts.</summary>
public sealed record TrainingTask
{
    public required RunSpec Spec { get; init; }

    /// <summary>The run's identifier; checkpoints are named <c>{run}-{step}</c>.</summary>
    public required string Run { get; init; }

    /// <summary>Where the dataset's manifest and chunks lie, complete and checked.</summary>
    public required string DatasetDirectory { get; init; }

    /// <summary>Which rank owns which logical shards; <c>Plan.Shards</c> is <c>Spec.Training.Shards</c>.</summary>
    public required ShardPlan Plan { get; init; }

    public required int Rank { get; init; }

    /// <summary>The checkpoint to resume from; null to begin at step 0.</summary>
    public string? CheckpointDirectory { get; init; }

    /// <summary>Ends after this epoch with a checkpoint from which a later task goes on; 0 for the spec's epochs. Decides no bit: schedules go by the spec.</summary>
    public int UntilEpoch { get; init; }

    /// <summary>Where rank 0 writes checkpoints, one folder each.</summary>
    public required string OutputDirectory { get; init; }

    /// <summary><c>cpu</c> or <c>cuda:0</c>.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Whether gradients may be on their way to other hosts while the rest of backward is computed. Decides no bit; ranks need not agree on it.</summary>
    public bool Overlap { get; init; } = true;
}
