using System.Globalization;
using Orchestrator.Control.Runs;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Runs;

/// <summary>A run as people see it: its state, and what heartbeats add while it works.</summary>
internal sealed class RunViews(RunEffects effects, TimeProvider time)
{
    public Run Of(RunState state)
    {
        var progress = state.Phase is RunPhase.Working && state.Purpose is TaskPurpose.Train ? effects.ProgressOf(state.Id) : null;
        var plan = state.Plan!;
        var run = new Run
        {
            Id = state.Id,
            State = state.Name,
            Generation = state.Shown?.Number ?? 0,
            Step = Math.Max(state.Step, progress?.Step ?? 0),
            Epoch = state.Epoch,
            WorldSize = state.Shown?.WorldSize ?? 0,
            StepsLost = state.StepsLost,
            SamplesPerEpoch = state.SamplesPerEpoch,
            WeightsHash = state.WeightsHash,
            TraceId = TraceContexts.TraceIdOf(state.TraceParent),
            Name = plan.Name,
            Sweep = state.Trial?.Sweep ?? "",
            Trial = state.Trial?.Number ?? 0,
            Message = state.Message,
            EpochsPlanned = plan.Epochs,
            StepsPlanned = plan.StepsPlanned,
            Seconds = SecondsOf(state),
            SamplesPerSecond = progress?.SamplesPerSecond ?? 0,
            From = state.From,
            LedgerHash = state.LedgerHash,
        };
        run.Workers.AddRange(state.Shown?.Members.Select(member => new RunWorker
        {
            Id = member.Place.Agent,
            Rank = member.Place.Rank,
            Pid = member.Pid,
            FirstShard = member.Place.FirstShard,
            EndShard = member.Place.EndShard,
            ShardSeconds = progress?.PaceOf(member.Place.Rank) ?? 0,
            ActivationBytes = progress?.ActivationsOf(member.Place.Rank) ?? 0,
        }) ?? []);
        run.Metrics.Add(MetricsOf(state).ToDictionary());
        run.Failures.AddRange(state.Failures.Select(failure => new Failure
        {
            Kind = failure.Kind.Name(),
            Worker = failure.Worker,
            At = failure.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
            Message = failure.Message,
        }));
        run.History.AddRange(state.History.Select(epoch =>
        {
            var entry = new EpochMetrics { Epoch = epoch.Epoch };
            entry.Metrics.Add(epoch.Metrics.ToDictionary());
            return entry;
        }));
        return run;
    }

    public static Checkpoint Of(string run, CheckpointRecord record)
    {
        var checkpoint = new Checkpoint
        {
            Id = record.Id,
            Run = run,
            Step = record.Step,
            Epoch = record.Epoch,
            Bytes = record.Bytes,
            Sha256 = record.ModelSha256,
            Uri = record.Uri,
        };
        checkpoint.Metrics.Add(record.Metrics.ToDictionary());
        return checkpoint;
    }

    /// <summary>Of the last epoch while it goes on; of the best one, and the test split's, once it has succeeded.</summary>
    private static IEnumerable<KeyValuePair<string, double>> MetricsOf(RunState state)
    {
        var last = state.History.IsEmpty ? null : state.History[^1];
        if (state.Outcome is not RunOutcome.Succeeded)
        {
            return last?.Metrics ?? Enumerable.Empty<KeyValuePair<string, double>>();
        }

        // A checkpoint that the run began from has its epoch's metrics with it: the epoch is another run's.
        var best = state.Best is { } record ? state.History.Find(epoch => epoch.Epoch == record.Epoch)?.Metrics ?? record.Metrics : last?.Metrics;
        var metrics = new Dictionary<string, double>(best ?? new Dictionary<string, double>(), StringComparer.Ordinal);
        foreach (var (name, value) in state.TestMetrics ?? new Dictionary<string, double>())
        {
            metrics[name] = value;
        }

        return metrics;
    }

    private double SecondsOf(RunState state)
    {
        if (state.LastGeneration == 0)
        {
            return 0;
        }

        return Math.Round(((state.EndedAt ?? time.GetUtcNow()) - state.RequestedAt).TotalSeconds, 3);
    }
}
