using Orchestrator.Specs;

namespace Orchestrator.Control.Runs;

/// <summary>A checkpoint that stands in the run's stream.</summary>
/// <param name="ModelSha256">Of model.safetensors' bytes.</param>
public sealed record CheckpointRecord(
    string Id, long Step, int Epoch, long Bytes, string ModelSha256, IReadOnlyDictionary<string, double> Metrics, string Uri);

/// <summary>Where a run begins that goes on from another one's checkpoint. It has a copy of its own: neither run's retention, end or deletion is the other's business.</summary>
/// <param name="Source">The identifier of the checkpoint that was copied.</param>
/// <param name="Copy">The run's own.</param>
public sealed record CheckpointOrigin(string Source, CheckpointRecord Copy);

/// <summary>Which checkpoints stay: the best by a metric, and the last.</summary>
/// <param name="Metric">Empty in a file: <c>val_loss</c>, minimized.</param>
/// <param name="KeepPast">Every one stays that was the best when it was written: the run may be cut at an epoch that it has passed.</param>
public sealed record Retention(int KeepBest, int KeepLast, string Metric, bool Maximize, bool KeepPast = false)
{
    public static Retention From(CheckpointSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return new Retention(Math.Max(0, spec.KeepBest), Math.Max(0, spec.KeepLast), spec.MetricOrDefault, spec.Maximizes);
    }

    /// <summary>Best first; ties go to the earlier step; those without the metric (or with NaN) come last, the latest of them first.</summary>
    public IEnumerable<CheckpointRecord> Ranked(IEnumerable<CheckpointRecord> checkpoints) => checkpoints
        .OrderBy(checkpoint => ValueOf(checkpoint.Metrics) is null)
        .ThenBy(checkpoint => ValueOf(checkpoint.Metrics) is { } value ? (Maximize ? -value : value) : -checkpoint.Step)
        .ThenBy(checkpoint => checkpoint.Step);

    public CheckpointRecord? Best(IEnumerable<CheckpointRecord> checkpoints) => Ranked(checkpoints).FirstOrDefault();

    /// <summary>The epoch whose checkpoint is the best of all: trainers write it whatever else they write. Null where no epoch has the metric.</summary>
    public int? BestEpoch(IEnumerable<EpochRecord> history) => history
        .Where(record => ValueOf(record.Metrics) is not null)
        .OrderBy(record => Maximize ? -ValueOf(record.Metrics) : ValueOf(record.Metrics))
        .ThenBy(record => record.Epoch)
        .FirstOrDefault()?.Epoch;

    /// <summary>What goes, once all of these exist. The latest always stays: the next generation resumes from it.</summary>
    /// <param name="pinned">Epochs whose checkpoints stay, whatever they are worth.</param>
    public IReadOnlyList<CheckpointRecord> Released(IReadOnlyCollection<CheckpointRecord> checkpoints, IReadOnlyList<int>? pinned = null)
    {
        ArgumentNullException.ThrowIfNull(checkpoints);
        var kept = Ranked(checkpoints).Take(KeepBest)
            .Concat(checkpoints.OrderByDescending(checkpoint => checkpoint.Step).Take(Math.Max(1, KeepLast)))
            .Concat(KeepPast ? PastBest(checkpoints) : [])
            .Concat((pinned ?? []).Select(epoch => AtEndOf(epoch, checkpoints)).OfType<CheckpointRecord>())
            .Select(checkpoint => checkpoint.Id)
            .ToHashSet(StringComparer.Ordinal);
        return [.. checkpoints.Where(checkpoint => !kept.Contains(checkpoint.Id))];
    }

    /// <summary>The one that was written at the epoch's end; null where there is none. Those within the next epoch have done as many whole ones.</summary>
    public static CheckpointRecord? AtEndOf(int epoch, IEnumerable<CheckpointRecord> checkpoints) =>
        checkpoints.Where(checkpoint => checkpoint.Epoch == epoch).MinBy(checkpoint => checkpoint.Step);

    private IEnumerable<CheckpointRecord> PastBest(IEnumerable<CheckpointRecord> checkpoints)
    {
        CheckpointRecord? best = null;
        foreach (var checkpoint in checkpoints.OrderBy(checkpoint => checkpoint.Step))
        {
            if (best is null || Best([best, checkpoint]) == checkpoint)
            {
                yield return best = checkpoint;
            }
        }
    }

    private double? ValueOf(IReadOnlyDictionary<string, double> metrics) => metrics.TryGetValue(Metric, out var value) && !double.IsNaN(value) ? value : null;
}
