namespace Orchestrator.Search;

/// <summary>
/// Bayesian optimisation with a Gaussian process: a model of the objective over the whole space, and the next trial where it promises the most improvement on
/// the best so far (Jones, Schonlau and Welch, "Efficient global optimization of expensive black-box functions", 1998; Snoek, Larochelle and Adams, "Practical
/// Bayesian optimization of machine learning algorithms", 2012). For trials that are dear and some tens to hundreds of them.
/// </summary>
/// <remarks>
/// Running trials have values drawn from the model (fantasies), over which the improvement is averaged, so that parallel trials keep apart. Hyper-parameters
/// are fitted anew when the number of ended trials has grown by a tenth, from fixed starts, on the trials that had ended at that number, in their order: a
/// function of the history, and most suggestions need no fit.
/// </remarks>
/// <param name="options">Startup: quasi-random trials before there is a model.</param>
public sealed class GpSampler(SamplerOptions? options = null) : ISampler
{
    private readonly int startup = (options ?? SamplerOptions.Default).Startup;

    /// <summary>Values that the model takes: the better half by rank and the latest of the others. With more, a suggestion would take seconds.</summary>
    private const int MostModelled = 1000;

    /// <summary>Values that hyper-parameters are fitted to, chosen the same way.</summary>
    private const int MostFitted = 300;

    /// <summary>Points nearer to each other in every coordinate are one: a trial repeats bit by bit, so trying it again tells nothing, whatever the model takes for noise.</summary>
    private const double SamePoint = 1e-6;

    private const int MostPending = 100;
    private const int Fantasies = 8;

    /// <summary>Points looked at: over the whole space, and near the best trials.</summary>
    private const int Wide = 512;
    private const int Near = 24;
    private const int BestTrials = 5;

    public string Name => "gp";

    public long? Size(SearchSpace space) => null;

    public Suggestion Suggest(Study study, int trial)
    {
        var history = History.Of(study, trial);
        var ended = Enumerable.Range(0, history.Count).Where(number => history.States[number] != ObservedState.Running).ToArray();
        if (ended.Length < startup && history.Informative >= startup)
        {
            // Under a stopper that pauses trials few end; what has been reported is then all there is.
            history = history.WithPartial();
            ended = [.. Enumerable.Range(0, history.Count).Where(number => history.States[number] != ObservedState.Running)];
        }

        var codec = study.Space.Codec;
        if (ended.Length < startup || history.Valued == 0 || codec.Dimensions.Count == 0)
        {
            return new Suggestion(SobolSampler.Point(study.Space, study.Seed, trial), "start: quasi-random");
        }

        var features = new GpFeatures(codec);
        var hyper = FitOn(study, history, features, ended[..LastFit(ended.Length, startup)]);
        var modelled = Thin(history, ended, MostModelled);
        var pending = Enumerable.Range(0, history.Count).Where(number => history.States[number] == ObservedState.Running).TakeLast(MostPending).ToArray();
        var values = CostScale.Standardize(GpCosts.Of(history, modelled, Preference(study, trial)));
        var points = modelled.Concat(pending).Select(number => history.Points[number]).ToArray();
        var posterior = new GpPosterior(features, GpFits.Columns(features, points), values, Futures(study.Seed, trial, pending.Length), hyper);
        var acquisition = new GpAcquisition(codec, features, posterior);

        foreach (var (point, log) in acquisition.Maximize(Candidates(study, trial, history, modelled, values)))
        {
            var parameters = codec.Decode(point);
            if (study.Space.Keeps(parameters) && IsNew(codec.Encode(parameters), history.Points))
            {
                return new Suggestion(parameters, FormattableString.Invariant($"model of {modelled.Length} trials: log expected improvement {log:F2}"));
            }
        }

        return new Suggestion(SpaceRoom.DrawNew(study.Space, study.Seed, trial, SpaceRoom.Tried(study, trial)), "drawn: what the model proposes has been tried");
    }

    /// <summary>The last number of ended trials at which hyper-parameters are fitted: each further one is a tenth more.</summary>
    internal static int LastFit(int ended, int startup)
    {
        var count = startup;
        while (count + Math.Max(1, count / 10) is var next && next <= ended)
        {
            count = next;
        }

        return count;
    }

    private static bool IsNew(double[] point, double[][] tried) => !Array.Exists(tried, other =>
    {
        for (var i = 0; i < point.Length; i++)
        {
            if (double.IsNaN(point[i]) != double.IsNaN(other[i]) || Math.Abs(point[i] - other[i]) > SamePoint)
            {
                return false;
            }
        }

        return true;
    });

    private static GpHyperparameters FitOn(Study study, History history, GpFeatures features, int[] ended)
    {
        if (!Array.Exists(ended, number => history.Costs[number].Length > 0))
        {
            return GpHyperparameters.Of([.. Enumerable.Repeat(GpLikelihood.TypicalLogScale(features.ScaleCount), features.ScaleCount), 0, Exact.Log(1e-2)]);
        }

        var even = new double[study.Goals.Count];
        Array.Fill(even, 1.0 / even.Length);
        var fitted = Thin(history, ended, MostFitted);
        var values = CostScale.Standardize(GpCosts.Of(history, fitted, even));
        return GpFits.Of(study.Space, features, Array.ConvertAll(fitted, number => history.Points[number]), values);
    }

    /// <summary>At most so many of the trials, in their order, one with values among them.</summary>
    private static int[] Thin(History history, int[] ended, int most)
    {
        if (ended.Length <= most)
        {
            return ended;
        }

        var ranked = Ranking.BestFirst(history, 0, ended[^1] + 1);
        var better = ranked.Take(most / 2).ToHashSet();
        return [.. better.Concat(ended.Where(number => !better.Contains(number)).TakeLast(most - better.Count)).Order()];
    }

    /// <summary>What this trial takes the objectives to be worth: another front point for each.</summary>
    private static double[] Preference(Study study, int trial)
    {
        if (study.Goals.Count == 1)
        {
            return [1];
        }

        // Even over all weights that sum to 1, by the gaps of exponential draws.
        var weights = new double[study.Goals.Count];
        for (var goal = 0; goal < weights.Length; goal++)
        {
            weights[goal] = -Exact.Log(1 - SobolSequence.Scrambled(study.Seed, (uint)trial, goal));
        }

        var total = Lanes.Sum(weights);
        return Array.ConvertAll(weights, weight => weight / total);
    }

    /// <summary>Standard normal draws for the running trials, by fantasy.</summary>
    private static double[][] Futures(long seed, int trial, int pending)
    {
        if (pending == 0)
        {
            return [[]];
        }

        var futures = new double[Fantasies][];
        for (var s = 0; s < Fantasies; s++)
        {
            futures[s] = new double[pending];
            for (var i = 0; i < pending; i++)
            {
                futures[s][i] = Normal.Quantile(Draws.Unit(seed, trial, -2 - i, 1 + s));
            }
        }

        return futures;
    }

    private static IEnumerable<double[]> Candidates(Study study, int trial, History history, int[] modelled, double[] values)
    {
        var dimensions = study.Space.Codec.Dimensions;
        for (var i = 0; i < Wide; i++)
        {
            var point = new double[dimensions.Count];
            foreach (var dimension in dimensions)
            {
                point[dimension.Index] = dimension.Snap(SobolSequence.Scrambled(study.Seed + trial, (uint)i, dimension.Index));
            }

            yield return point;
        }

        var best = Enumerable.Range(0, modelled.Length).ToArray();
        Array.Sort(best, (a, b) => values[a] != values[b] ? values[a].CompareTo(values[b]) : a.CompareTo(b));
        for (var k = 0; k < Math.Min(BestTrials, best.Length); k++)
        {
            for (var i = 0; i < Near; i++)
            {
                yield return Nearby(study, trial, history.Points[modelled[best[k]]], (k * Near) + i);
            }
        }
    }

    /// <summary>A step from a good trial, wide or narrow, in some of the dimensions.</summary>
    private static double[] Nearby(Study study, int trial, double[] centre, int candidate)
    {
        var dimensions = study.Space.Codec.Dimensions;
        var width = Exact.Exp(-1 - (4 * Draws.Unit(study.Seed, trial, -1, Wide + candidate)));
        var point = new double[dimensions.Count];
        foreach (var dimension in dimensions)
        {
            double Draw(int which) => Draws.Unit(study.Seed, trial, dimension.Place, Wide + (3L * candidate) + which);
            var own = centre[dimension.Index];
            var isMoved = double.IsNaN(own) || Draw(0) < Math.Max(0.3, 2.0 / dimensions.Count);
            point[dimension.Index] = dimension.Snap(
                !isMoved ? own
                : double.IsNaN(own) || dimension.IsCategory ? Draw(1)
                : Math.Clamp(own + (width * Normal.Quantile(Draw(2))), 0, 1));
        }

        return point;
    }
}
