using System.Globalization;
using System.Text;
using Orchestrator.V1;

namespace Orchestrator.Cli.Output;

/// <summary>A run in words.</summary>
internal static class RunText
{
    public static bool HasEnded(Run run) => run.State is "succeeded" or "failed" or "cancelled" or "stopped";

    public static string Headline(Run run)
    {
        var rate = run.SamplesPerSecond > 0 ? $", {Plain.Number(Math.Round(run.SamplesPerSecond))} samples/s" : "";
        var message = run.Message.Length > 0 ? $"; {run.Message}" : "";
        return $"run {run.Id} {run.State}: epoch {run.Epoch} of {run.EpochsPlanned}, step {run.Step} of {run.StepsPlanned}, "
            + $"{Plain.Count(run.WorldSize, "worker")}, {Plain.Seconds(run.Seconds)}{rate}{message}";
    }

    /// <summary>What a rank computes of every step, how fast it is, and what one of its shards keeps in memory on the way.</summary>
    private static string Shards(RunWorker worker)
    {
        var range = worker.EndShard - worker.FirstShard == 1 ? $"shard {worker.FirstShard}" : $"shards {worker.FirstShard} to {worker.EndShard - 1}";
        var pace = worker.ShardSeconds > 0 ? string.Create(CultureInfo.InvariantCulture, $" at {1000 * worker.ShardSeconds:0.0} ms each") : "";
        var memory = worker.ActivationBytes > 0 ? $", activations {Plain.Bytes(worker.ActivationBytes)}" : "";
        return range + pace + memory;
    }

    public static string Whole(Run run)
    {
        var text = new StringBuilder().AppendLine(Headline(run));
        if (run.From.Length > 0)
        {
            text.AppendLine($"  from       checkpoint {run.From}");
        }

        if (run.Metrics.Count > 0)
        {
            text.AppendLine($"  metrics    {Plain.Metrics(run.Metrics)}");
        }

        foreach (var worker in run.Workers)
        {
            text.AppendLine($"  rank {worker.Rank}     {worker.Id}, process {worker.Pid}, {Shards(worker)}");
        }

        foreach (var failure in run.Failures)
        {
            text.AppendLine($"  failure    {failure.Kind} at {failure.At}, {failure.Worker}: {failure.Message}");
        }

        if (run.StepsLost > 0)
        {
            text.AppendLine($"  lost       {run.StepsLost} steps computed again");
        }

        if (run.LedgerHash.Length > 0)
        {
            text.AppendLine($"  ledger     {run.SamplesPerEpoch} samples an epoch, each once ({run.LedgerHash})");
        }

        if (run.WeightsHash.Length > 0)
        {
            text.AppendLine($"  weights    {run.WeightsHash}");
        }

        foreach (var epoch in run.History)
        {
            text.AppendLine(Epoch(epoch));
        }

        return text.Append($"  trace      orch run trace {run.Id}").ToString();
    }

    public static string Epoch(EpochMetrics epoch) => $"  epoch {epoch.Epoch,-4} {Plain.Metrics(epoch.Metrics)}";
}
