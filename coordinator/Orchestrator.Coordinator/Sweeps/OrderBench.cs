using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using Orchestrator.Control.Sweeps;
using Orchestrator.Search;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>
/// <c>orch bench order</c>, which becomes this program: what logical order costs in time beside order of arrival. Whole sweeps are played through with the real state machine on
/// imagined workers; trials of nine epochs, whose lengths are spread tenfold, even in the logarithm. Nothing is timed: the same numbers everywhere.
/// </summary>
internal static class OrderBench
{
    private const int Epochs = 9;

    /// <summary>A sweep has at least so many, and so many for each worker: its beginning and its end are a small part of it.</summary>
    private const int LeastTrials = 200;
    private const int TrialsOfWorker = 10;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    private static readonly Option<string> Workers = Numbers("--workers", "how many there are", "8,32,100,1000");
    private static readonly Option<string> Parallel = Numbers("--parallel", "trials under way, for each worker", "1,2,4");
    private static readonly Option<string> MostWorkers = Numbers("--max-workers", "workers.max of a run: idle workers join up to so many", "1,4");
    private static readonly Option<string> Stoppers = new("--stoppers") { Description = "some of none, asha", DefaultValueFactory = _ => "none,asha" };
    private static readonly Option<int> Seeds = new("--seeds") { Description = "sweeps of each case, of which the median counts", DefaultValueFactory = _ => 8 };
    private static readonly Option<string> Output = new("--output") { Description = "text, or json for scripts", DefaultValueFactory = _ => "text" };

    private sealed record Row(string Case, double Ours, double Peer, double Ratio, string Unit, int Samples);

    public static Command Build()
    {
        Stoppers.Validators.Add(result => Check(result, word => !word.Split(',').Except(["none", "asha"]).Any(), "some of none,asha"));
        Seeds.Validators.Add(result => Check(result, word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var seeds) && seeds is > 0 and <= 1000, "a number of 1 to 1000"));
        var command = new Command("bench-order", "What logical order costs beside order of arrival, played on imagined workers") { Workers, Parallel, MostWorkers, Stoppers, Seeds, Output };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        var isJson = parsed.GetValue(Output) == "json";
        var rows = new List<Row>();
        foreach (var workers in Of(parsed.GetRequiredValue(Workers)))
        {
            foreach (var stopper in parsed.GetRequiredValue(Stoppers).Split(','))
            {
                foreach (var most in Of(parsed.GetRequiredValue(MostWorkers)))
                {
                    foreach (var parallel in Of(parsed.GetRequiredValue(Parallel)))
                    {
                        rows.Add(Play(workers, stopper, most, parallel * workers, parsed.GetValue(Seeds)));
                        if (!isJson)
                        {
                            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rows[^1].Case}: {1 / rows[^1].Ratio:F3} times as long as in order of arrival"));
                        }
                    }
                }
            }
        }

        if (isJson)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(new { name = "order", rows }, Json));
        }

        return 0;
    }

    private static Row Play(int workers, string stopper, int most, int parallel, int seeds)
    {
        var space = new SearchSpace([new("x", new ParameterDomain.Uniform(0, 1))]);
        var settings = new SweepSettings(space, "random", 0, Math.Max(LeastTrials, TrialsOfWorker * workers), parallel, new Objective("value", Goal.Maximize))
        {
            Stopper = stopper == "none" ? null : new StopperSettings(stopper, MaxEpochs: Epochs),
        };
        var played = Enumerable.Range(0, seeds).Select(seed => SweepForecast.OfOrders(settings with { Seed = seed }, Epochs, workers, most)).ToArray();
        return new Row(string.Create(CultureInfo.InvariantCulture, $"{workers} workers, stopper {stopper}, workers.max {most}, parallel {parallel}"),
            Median(played.Select(each => each.Logical)), Median(played.Select(each => each.Arrival)), Median(played.Select(each => each.Arrival / each.Logical)), "epochs of the shortest trial", seeds);
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return Math.Round((sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, 4);
    }

    private static Option<string> Numbers(string name, string description, string otherwise)
    {
        var option = new Option<string>(name) { Description = $"{description}: {otherwise} unless told", DefaultValueFactory = _ => otherwise };
        option.Validators.Add(result => Check(
            result, words => words.Split(',').All(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 10_000), "numbers of 1 to 10000, with commas between"));
        return option;
    }

    private static IEnumerable<int> Of(string numbers) => numbers.Split(',').Select(word => int.Parse(word, CultureInfo.InvariantCulture));

    private static void Check(OptionResult result, Func<string, bool> isRight, string wanted)
    {
        if (result.Tokens.Any(token => !isRight(token.Value)))
        {
            result.AddError($"{result.Option.Name} takes {wanted}");
        }
    }
}
