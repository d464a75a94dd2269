using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Control.Sweeps;
using Orchestrator.Search;
using Orchestrator.Specs;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>What a sweep file asks for, before anything runs.</summary>
/// <param name="MaxEpochs">Where every trial is trained to the end; null where that is not known.</param>
/// <param name="ExpectedEpochs">What the stopper leaves of them.</param>
/// <param name="GridSize">How many points the space has; null where it has no end of them.</param>
/// <param name="Needs">Disk, time and money.</param>
/// <param name="Order">Workers -> how many times as long logical order takes as order of arrival, were the trials' lengths spread tenfold.</param>
internal sealed record SweepPreview(
    SweepSettings Settings, long? MaxEpochs, long? ExpectedEpochs, long? GridSize, IReadOnlyList<ParameterAssignment> Samples, IReadOnlyList<(int Workers, double Factor)> Order, SweepNeeds Needs)
{
    private const int Shown = 5;

    /// <summary>A larger sweep is judged by its first trials: what holds for them holds for the rest.</summary>
    private const int MostPlayed = 1000;

    private const int MostEpochsPlayed = 200;

    /// <summary>Trials of more epochs are not played through.</summary>
    public const int MostEpochsOfStopper = 10_000;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <exception cref="SpecException">The first mistake in the file.</exception>
    public static SweepPreview Of(SweepFile file, string fileName, SweepRates? rates = null)
    {
        var settings = SweepFiling.SettingsOf(file, fileName, []);
        var epochs = settings.Stopper?.MaxEpochs is > 0 and var told ? Math.Max(told, file.MaxEpochs) : file.MaxEpochs;
        var played = settings with { Trials = Math.Min(settings.Trials, MostPlayed), Enqueued = [.. settings.Enqueued.Take(MostPlayed)] };
        // A member of a population goes on where the one before it stood.
        long? most = epochs == 0 ? null : (long)(settings.Population is null ? settings.Trials : settings.Parallel) * epochs;
        long? expected = most;
        if (most is not null && settings.Stopper is { Name: not ("threshold" or "patient") } && settings.Population is null && epochs <= MostEpochsOfStopper)
        {
            var forecast = SweepForecast.OfStopper(played, epochs);
            expected = (long)Math.Round((double)forecast.Epochs * settings.Trials / played.Trials);
        }

        var mostWorkers = file.Extremes.Count == 0 || file.IsCommand ? 1 : file.Extremes.Min(run => Math.Min(run.Training.Workers.Max, run.Training.Shards));
        var samples = SamplesOf(settings);
        var needs = SweepNeeds.Of(file, settings, played, epochs, mostWorkers, samples, rates ?? new SweepRates());
        return new SweepPreview(settings, most, expected, GridOf(settings.Space), [.. samples.Take(Shown)], OrderOf(played, epochs, mostWorkers), needs);
    }

    public string ToJson() => new JsonObject
    {
        ["trials"] = Settings.Trials,
        ["epochs"] = new JsonObject { ["max"] = MaxEpochs, ["expected"] = ExpectedEpochs },
        ["gridSize"] = GridSize,
        ["samples"] = new JsonArray([.. Samples.Select(sample => (JsonNode)new JsonObject(sample.Select(value => KeyValuePair.Create(value.Key, value.Value.ToNode()))))]),
        ["sampler"] = Settings.Sampler,
        ["stopper"] = Settings.Stopper?.Name,
        ["parallel"] = Settings.Parallel,
        ["disk"] = Needs.Disk,
        ["time"] = Needs.Time,
        ["logicalOrder"] = new JsonArray([.. Order.Select(at => (JsonNode)new JsonObject { ["workers"] = at.Workers, ["time"] = Math.Round(at.Factor, 3) })]),
    }.ToJsonString(Indented);

    public IEnumerable<string> Lines()
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"{Settings.Trials} trials by {Settings.Sampler}{(Settings.Stopper is { } stopper ? $" with {stopper.Name}" : "")}, {Settings.Parallel} at once in logical time");
        yield return MaxEpochs is { } most
            ? string.Create(CultureInfo.InvariantCulture, $"epochs: {most} at most{(ExpectedEpochs < most ? $", about {ExpectedEpochs} expected under the stopper ({100.0 * ExpectedEpochs.Value / most:F0} %)" : "")}")
            : "epochs: whoever runs the trials decides";
        yield return GridSize is { } size ? $"grid: {size} points" : "grid: no end of points (a range without points: N)";
        foreach (var line in Needs.Lines())
        {
            yield return line;
        }

        foreach (var (workers, factor) in Order)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"on {workers} workers logical order takes {factor:F2} times as long as order of arrival, were the trials' lengths spread tenfold");
        }

        yield return "samples:";
        foreach (var sample in Samples)
        {
            yield return $"  {sample}";
        }
    }

    private static long? GridOf(SearchSpace space)
    {
        try
        {
            return space.Grid.Size;
        }
        catch (SearchSpaceException)
        {
            return null;
        }
    }

    private static IReadOnlyList<ParameterAssignment> SamplesOf(SweepSettings settings)
    {
        var some = settings with { Parallel = Math.Max(settings.Parallel, SweepNeeds.TrialsSized) };
        var submission = new Submission("", "", "", [], new Dictionary<string, string>(), "", "", null);
        var events = SweepDecision.Decide(SweepState.Initial, new SweepCommand.Submit("preview", some, submission, default));
        return [.. events.OfType<SweepEvent.TrialSuggested>().Take(SweepNeeds.TrialsSized).Select(suggested => suggested.Parameters)];
    }

    private static List<(int, double)> OrderOf(SweepSettings played, int epochs, int mostWorkers)
    {
        var order = new List<(int, double)>();
        if (played.Order == TrialOrder.Arrival || epochs is 0 or > MostEpochsPlayed)
        {
            return order;
        }

        foreach (var workers in new[] { played.Parallel, played.Parallel / 2, played.Parallel / 4 }.Where(workers => workers > 1).Distinct())
        {
            order.Add((workers, SweepForecast.CostOfOrder(played with { Trials = Math.Min(played.Trials, 200), Enqueued = [] }, epochs, workers, mostWorkers)));
        }

        return order;
    }
}
