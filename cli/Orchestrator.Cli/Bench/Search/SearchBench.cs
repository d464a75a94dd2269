using System.CommandLine;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Search;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Bench.Search;

/// <summary>
/// <c>orch bench search</c>: how near samplers come to the minima of known functions, and how long a suggestion takes, in turns with another library. Regret is
/// the true value of the trial that looked best, less the least value there is, as a share of the median of random points.
/// </summary>
internal static class SearchBench
{
    private const int Repeats = 50;

    private static readonly string[] Samplers = ["random", "sobol", "tpe", "gp", "cma-es", "nsga2"];

    public static Command Build(Shell shell) => new Command("search", "Samplers on known functions, and the time of a suggestion, against another library")
        .With(
            Option("--samplers", $"some of {string.Join(",", Samplers)}; all unless told"),
            Option("--functions", $"some of {string.Join(",", TestFunction.All.Select(function => function.Name))}; all unless told, none to time suggestions alone"),
            Number("--trials", "trials of a sweep", 60, 2, 10_000),
            Number("--seeds", "sweeps of each function", 10, 1, 1000),
            Number("--parallel", "trials under way at once", 1, 1, 1000),
            Option("--asks", "time suggestions with so many trials told: 100,1000,10000"),
            Option("--parameters", "and of so many parameters: 5,50 (5 unless told)"),
            Option("--peer", "a command that answers as optuna_search.py does (docs/bench-search.md)"),
            Option("--record", "a file of the peer's answers: taken from it where they are there, added where not"))
        .WithOutput()
        .Does((parsed, cancellation) => RunAsync(shell, parsed, cancellation));

    private static async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var samplers = Chosen(parsed, "--samplers", Samplers);
        var functions = parsed.Maybe("--functions") == "none" ? [] : Chosen(parsed, "--functions", [.. TestFunction.All.Select(function => function.Name)]);
        var peer = new SearchPeer(parsed.Maybe("--peer"), parsed.Maybe("--record"));
        var progress = ProgressLine.On(shell, parsed.Json(), "");
        var rows = new List<BenchRow>();
        try
        {
            foreach (var sampler in samplers)
            {
                rows.AddRange(await QualityAsync(sampler, functions, parsed, peer, progress.Say, cancellation));
                foreach (var trials in Numbers(parsed, "--asks", []))
                {
                    foreach (var parameters in Numbers(parsed, "--parameters", [5]))
                    {
                        progress.Say($"{sampler}: asking with {trials} trials of {parameters} parameters");
                        rows.Add(await AskAsync(sampler, trials, parameters, peer, cancellation));
                    }
                }
            }
        }
        finally
        {
            progress.Clear();
        }

        BenchRow.Print(shell, "search", rows, parsed.Json());
        return ExitCode.Done;
    }

    private static async Task<IReadOnlyList<BenchRow>> QualityAsync(
        string sampler, IReadOnlyList<string> functions, ParseResult parsed, SearchPeer peer, Action<string> say, CancellationToken cancellation)
    {
        var (trials, seeds, parallel) = (parsed.GetValue<int>("--trials"), parsed.GetValue<int>("--seeds"), parsed.GetValue<int>("--parallel"));
        var suffix = parallel == 1 ? "" : $", {parallel} at once";
        var rows = new List<BenchRow>();
        var pairs = new List<(IReadOnlyList<double> Ours, IReadOnlyList<double> Peer)>();
        foreach (var name in functions)
        {
            say($"{sampler} on {name}: {seeds} sweeps of {trials} trials");
            var function = TestFunction.All.First(one => one.Name == name);
            var theirs = await peer.BestAsync(name, sampler, trials, seeds, parallel, cancellation);
            var ours = Enumerable.Range(0, seeds).Select(seed =>
            {
                cancellation.ThrowIfCancellationRequested();
                return function.Regret(SearchTrial.Best(SamplerCatalog.Find(sampler)!, function, seed, trials, parallel));
            }).ToArray();
            pairs.Add((ours, [.. theirs.Select(function.Regret)]));
            rows.Add(Row($"{sampler}, {name}, {trials} trials{suffix}", [pairs[^1]], seeds));
        }

        if (pairs.Count > 1)
        {
            rows.Add(Row($"{sampler}, mean of {pairs.Count} functions, {trials} trials{suffix}", pairs, seeds));
        }

        return rows;
    }

    private static BenchRow Row(string name, IReadOnlyList<(IReadOnlyList<double> Ours, IReadOnlyList<double> Peer)> pairs, int seeds)
    {
        var ours = pairs.Average(pair => pair.Ours.Average());
        if (pairs.Any(pair => pair.Peer.Count == 0))
        {
            return new BenchRow(name, Exact.Round(ours), 0, 0, "mean regret", seeds);
        }

        var peer = pairs.Average(pair => pair.Peer.Average());
        var (low, high) = Bootstrap.Ratio(pairs);
        return new BenchRow(name, Exact.Round(ours), Exact.Round(peer), Ratio(peer, ours), "mean regret", seeds) { Low = Finite(low), High = Finite(high) };
    }

    private static async Task<BenchRow> AskAsync(string sampler, int trials, int parameters, SearchPeer peer, CancellationToken cancellation)
    {
        // What is slow is asked less often.
        var repeats = (sampler, trials) switch { ("gp", >= 1000) => 5, ("gp", _) => 20, _ => Repeats };
        var theirs = await peer.AsksAsync(sampler, trials, parameters, repeats, cancellation);
        var instance = SamplerCatalog.Find(sampler)!;
        var ours = SearchTrial.Asks(instance, trials, parameters, repeats);
        var name = $"{sampler}, ask with {trials} trials of {parameters} parameters";
        return theirs.Count > 0
            ? BenchRow.Of(name, ours, theirs, "ms", moreIsBetter: false)
            : BenchRow.Alone(name, ours, "ms");
    }

    /// <summary>Two that have found the least value exactly are equal.</summary>
    private static double Ratio(double peer, double ours) => peer == ours ? 1 : Finite(peer / ours);

    /// <summary>JSON has no infinity.</summary>
    private static double Finite(double ratio) => Math.Round(double.IsNaN(ratio) ? 1 : Math.Min(ratio, 1e9), 3);

    private static IReadOnlyList<string> Chosen(ParseResult parsed, string option, IReadOnlyList<string> all)
    {
        var chosen = parsed.Maybe(option)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [.. all];
        return chosen.FirstOrDefault(name => !all.Contains(name)) is { } stranger
            ? throw CliException.BadInput($"{option}: there is no '{stranger}'; take some of {string.Join(",", all)}")
            : chosen;
    }

    private static IReadOnlyList<int> Numbers(ParseResult parsed, string option, IReadOnlyList<int> otherwise) => parsed.Maybe(option) is { } text
        ? [.. text.Split(',').Select(word => int.TryParse(word, out var number) && number is >= 1 and <= 100_000
            ? number
            : throw CliException.BadInput($"{option}: '{word}' is no number of 1 to 100000; write them as in {option} 100,1000"))]
        : otherwise;
}
