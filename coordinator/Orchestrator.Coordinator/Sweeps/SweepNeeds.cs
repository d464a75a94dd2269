using System.Globalization;
using System.Text.Json.Nodes;
using Orchestrator.Control.Sweeps;
using Orchestrator.Search;
using Orchestrator.Specs;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>What a person knows and the file does not.</summary>
/// <param name="EpochSeconds">An epoch of a trial on one worker.</param>
/// <param name="Workers">How many there are; as many as trials are under way at once unless told.</param>
/// <param name="Price">Of a worker for an hour, in any currency.</param>
/// <param name="CheckpointMegabytes">Of a trial, where the model's size is not known from the file.</param>
internal sealed record SweepRates(double? EpochSeconds = null, int? Workers = null, double? Price = null, double? CheckpointMegabytes = null);

/// <summary>What a sweep takes of a cluster: disk, time and money, each null where it is not known.</summary>
/// <param name="CheckpointBytes">Of one checkpoint, the mean over trials.</param>
/// <param name="MostBytes">Of all that are kept while the sweep runs, at most.</param>
/// <param name="KeptBytes">Of those that stay after it.</param>
/// <param name="Seconds">From the first trial's start to the last one's end.</param>
/// <param name="Cost">Of all workers for all of that time, busy or not.</param>
internal sealed record SweepNeeds(long? CheckpointBytes, long? MostBytes, long? KeptBytes, int Workers, double? Seconds, double? Cost)
{
    /// <summary>The model's size is judged by so many trials.</summary>
    public const int TrialsSized = 64;

    /// <param name="played">The settings with as many trials as are played through.</param>
    /// <param name="epochs">Of a whole trial; 0 where that is not known.</param>
    /// <param name="mostWorkers">Of a run.</param>
    public static SweepNeeds Of(SweepFile file, SweepSettings settings, SweepSettings played, int epochs, int mostWorkers, IReadOnlyList<ParameterAssignment> samples, SweepRates rates)
    {
        var size = rates.CheckpointMegabytes is { } told ? (long)(told * 1e6) : ModelSize.MeanOf(file, samples);
        var each = file.Extremes.Count == 0 ? 0 : file.Extremes[0].Training.Checkpoint is var kept ? kept.KeepBest + kept.KeepLast : 0;
        each = epochs > 0 ? Math.Min(each, epochs) : each;
        var workers = rates.Workers ?? settings.Parallel;
        var seconds = rates.EpochSeconds is { } epoch && epochs > 0 ? epoch * EpochsInTurn(settings, played, epochs, workers, mostWorkers) : (double?)null;
        return new SweepNeeds(
            size, each == 0 ? null : size * each * settings.Trials, each == 0 ? null : size * each * Math.Min(settings.Keep, settings.Trials), workers, seconds,
            seconds * workers / 3600 * rates.Price);
    }

    public JsonObject? Disk => MostBytes is null ? null : new JsonObject { ["checkpointBytes"] = CheckpointBytes, ["mostBytes"] = MostBytes, ["keptBytes"] = KeptBytes };

    public JsonObject? Time => Seconds is { } seconds ? new JsonObject { ["workers"] = Workers, ["seconds"] = Math.Round(seconds, 3), ["cost"] = Cost is { } cost ? Math.Round(cost, 4) : null } : null;

    public IEnumerable<string> Lines()
    {
        yield return MostBytes is { } most
            ? string.Create(CultureInfo.InvariantCulture, $"disk: about {Megabytes(CheckpointBytes!.Value)} a checkpoint, {Megabytes(most)} at most while it runs, {Megabytes(KeptBytes!.Value)} after it")
            : "disk: not known from the file; --checkpoint-mb tells a checkpoint's size";
        yield return Seconds is { } seconds
            ? string.Create(CultureInfo.InvariantCulture, $"time: about {Long(seconds)} on {Workers} workers{(Cost is { } cost ? $", {cost:F2} in all" : "")}")
            : "time: --epoch-seconds tells how long an epoch takes on one worker, --workers how many there are, --price what one costs an hour";
    }

    /// <summary>How many epochs one after the other the sweep lasts, if all take as long.</summary>
    private static double EpochsInTurn(SweepSettings settings, SweepSettings played, int epochs, int workers, int mostWorkers)
    {
        if (settings.Population is not null)
        {
            // Its members rest until all have come to the exchange.
            return (double)((settings.Parallel + workers - 1) / workers) * epochs;
        }

        // What these end is not known before: the most is said.
        var judged = played.Stopper is { Name: "threshold" or "patient" } ? played with { Stopper = null } : played;
        var few = judged.Trials < settings.Trials ? (double)settings.Trials / judged.Trials : 1;
        return epochs > SweepPreview.MostEpochsOfStopper
            ? (double)settings.Trials * epochs / workers
            : SweepForecast.OfStopper(judged, epochs, workers, mostWorkers).Seconds * few;
    }

    private static string Megabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:G3} MB");

    private static string Long(double seconds) => seconds < 120
        ? string.Create(CultureInfo.InvariantCulture, $"{seconds:F0} s")
        : seconds < 7200 ? string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:F0} min") : string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:F1} h");
}
