namespace Orchestrator.Search;

/// <summary>
/// Tree-structured Parzen estimator: of the trials so far the better ones make one density and the rest another, and the next trial is where the first is
/// highest against the second, which is where improvement is most likely (Bergstra and others, "Algorithms for hyper-parameter optimization", 2011). The better
/// ones weigh as much as they are better, which of what the paper leaves open mattered most in the ablation of Watanabe, "Tree-structured Parzen estimator:
/// understanding its algorithm components and their roles for better empirical performance" (2023), as does their share.
/// <para>Parameters that apply together are modelled together, those under a condition from the trials where it held.</para>
/// </summary>
/// <remarks>
/// Running trials count among the worse ones, so that parallel trials keep apart (the constant liar of Ginsbourger and others, 2010), but half as much: they may
/// yet be among the better ones, near which they were drawn, and counted in full they keep the search away from there. Those with reports, as
/// paused ones at a rung, stand behind all that ended and before each other by how far they came: with few at the end the model is of the highest rung that has
/// enough, as in BOHB (Falkner, Klein and Hutter, 2018).
/// </remarks>
/// <param name="options">
/// Startup: quasi-random trials, which cover more than drawn ones; with trials in parallel the model begins when half of them have said something, since a few more
/// quasi-random ones teach it less. Better: the share of trials that are the better ones. Candidates: draws from their density of which
/// the best is taken; many more would always take its peak and explore nothing. PriorWeight: of the density that knows no trial.
/// </param>
public sealed class TpeSampler(SamplerOptions? options = null) : ISampler
{
    /// <summary>More better ones would flatten the density as a sweep grows.</summary>
    private const int MostBetter = 25;

    /// <summary>
    /// Every so many trials one looks further: with kernels as wide as the whole space's spread, and a smaller choice (a quarter), so that it is less greedy. Where parameters
    /// pay only together (another optimizer and its own learning rate), narrow kernels around the better trials never try both.
    /// </summary>
    private const int WideEvery = 3;
    private const int WideShare = 4;

    /// <summary>Even points that the width of kernels counts with the better ones: a few, or so many that the better ones do not matter.</summary>
    private const double EvenPoints = 4;
    private const double WideEvenPoints = 1e9;

    /// <summary>No kernel is narrower, as a share of the domain: finer than a hundredth seldom matters to a training.</summary>
    private const double LeastWidth = 0.01;

    /// <summary>What a running trial without a report weighs among the worse ones.</summary>
    private const double RunningWeight = 0.5;

    private readonly SamplerOptions options = options ?? SamplerOptions.Default;

    public string Name => "tpe";

    public long? Size(SearchSpace space) => null;

    public Suggestion Suggest(Study study, int trial)
    {
        var history = History.Of(study, trial);
        if (history.Count < options.Startup || history.Informative < (options.Startup + 1) / 2)
        {
            // Half of them keep an open mind: a prior may be wrong.
            return trial % 2 == 0 && study.Space.Parameters.Any(parameter => parameter.Prior is not null)
                ? new Suggestion(SobolSampler.Point(study.Space, study.Seed, trial, (dimension, share) => new PriorKernel(dimension, believes: true).Draw(share)), "start: by the prior")
                : new Suggestion(SobolSampler.Point(study.Space, study.Seed, trial), "start: quasi-random");
        }

        var split = Split(history);
        var isWide = trial % WideEvery == 0;
        var models = study.Space.Codec.Groups.Select(group => new GroupModel(group, history, split, isWide ? WideEvenPoints : EvenPoints, options.PriorWeight)).ToArray();
        var tried = SpaceRoom.Tried(study, trial);

        // Trials repeat bit by bit, so one that was tried tells nothing new; nor does one that misses a constraint. Each further attempt is less greedy.
        for (var (attempt, candidates) = (0, isWide ? Math.Max(1, options.Candidates / WideShare) : options.Candidates); attempt < 20; attempt++, candidates = Math.Max(1, candidates / 2))
        {
            var (point, score) = Propose(study, trial, models, attempt, candidates);
            var parameters = study.Space.Codec.Decode(point);
            if (study.Space.Keeps(parameters) && !tried.Contains(parameters))
            {
                return new Suggestion(parameters, FormattableString.Invariant($"{(isWide ? "wide model" : "model")}: {Exact.Exp(score):G3} times as likely among the better {split.Better.Length}"));
            }
        }

        return new Suggestion(SpaceRoom.DrawNew(study.Space, study.Seed, trial, tried), "drawn: what the model proposes has been tried");
    }

    private (double[] Point, double Score) Propose(Study study, int trial, GroupModel[] models, int attempt, int candidates)
    {
        var point = new double[study.Space.Codec.Dimensions.Count];
        Array.Fill(point, double.NaN);
        var total = 0.0;
        foreach (var model in models)
        {
            if (!study.Space.Codec.Applies(model.Dimensions[0], point))
            {
                continue;
            }

            var drawn = new double[candidates][];
            for (var candidate = 0; candidate < candidates; candidate++)
            {
                var counter = 1 + (((long)attempt * options.Candidates) + candidate);
                model.Better.Draw(place => Draws.Unit(study.Seed, trial, place < 0 ? -1 - model.Dimensions[0].Place : place, counter), drawn[candidate] = [.. point]);
            }

            var (best, score) = model.MostPromising(drawn);
            Copy(model.Dimensions, best, point);
            total += score;
        }

        return (point, total);
    }

    private static void Copy(IReadOnlyList<Dimension> dimensions, double[] from, double[] to)
    {
        foreach (var dimension in dimensions)
        {
            to[dimension.Index] = from[dimension.Index];
        }
    }

    /// <summary>The trials' numbers, those of the worse in their order; each of the better ones weighs as much as it is better than the best of the others.</summary>
    private sealed record Halves(int[] Better, double[] Weights, int[] Worse);

    private Halves Split(History history)
    {
        var size = Math.Min((int)Math.Ceiling(options.Better * history.Informative), MostBetter);
        var ranked = Ranking.BestInformative(history, size + 1);
        var better = ranked[..Math.Min(size, history.Valued + history.Informative - history.Ended)];
        var isBetter = new bool[history.Count];
        foreach (var trial in better)
        {
            isBetter[trial] = true;
        }

        var worse = new int[history.Count - better.Length];
        for (var (trial, i) = (0, 0); trial < history.Count; trial++)
        {
            if (!isBetter[trial])
            {
                worse[i++] = trial;
            }
        }

        return new Halves(better, Improvements(history, ranked, better.Length), worse);
    }

    /// <summary>Running, and nothing is known of it.</summary>
    private static bool IsSilent(History history, int trial) => history.States[trial] == ObservedState.Running && double.IsNaN(history.Partial[trial]);

    /// <summary>Of the first so many that are ranked.</summary>
    private static double[] Improvements(History history, int[] ranked, int better)
    {
        var even = Enumerable.Repeat(1.0, better).ToArray();

        // Values compare where all ran to their end with one objective; otherwise the rank says all there is.
        var comparable = ranked.Length > better
            && ranked[..(better + 1)].All(trial =>
                history.States[trial] == ObservedState.Succeeded && history.Costs[trial].Length == 1 && history.Violations[trial] == 0);
        if (!comparable)
        {
            return even;
        }

        var threshold = history.Costs[ranked[better]][0];
        var improvements = Array.ConvertAll(ranked[..better], trial => threshold - history.Costs[trial][0]);
        var mean = Lanes.Sum(improvements) / better;
        return mean > 0 && double.IsFinite(mean) ? Array.ConvertAll(improvements, improvement => Math.Max(improvement / mean, 1e-6)) : even;
    }

    private sealed class GroupModel
    {
        public GroupModel(IReadOnlyList<Dimension> dimensions, History history, Halves split, double evenPoints, double priorWeight)
        {
            Dimensions = dimensions;
            var index = dimensions[0].Index;
            bool Applies(int trial) => !double.IsNaN(history.Points[trial][index]);
            var better = Enumerable.Range(0, split.Better.Length).Where(rank => Applies(split.Better[rank])).ToArray();
            Better = new ParzenEstimator(
                dimensions, Array.ConvertAll(better, rank => history.Points[split.Better[rank]]), Array.ConvertAll(better, rank => split.Weights[rank]), priorWeight, LeastWidth, evenPoints, believes: true);
            var worse = Array.FindAll(split.Worse, Applies);
            var weights = Array.ConvertAll(worse, trial => IsSilent(history, trial) ? RunningWeight : 1);
            Worse = new ParzenEstimator(dimensions, Array.ConvertAll(worse, trial => history.Points[trial]), weights, priorWeight, LeastWidth, EvenPoints);
        }

        public IReadOnlyList<Dimension> Dimensions { get; }

        public ParzenEstimator Better { get; }

        public ParzenEstimator Worse { get; }

        /// <summary>The point that is likeliest among the better ones against the worse, and the log of how many times; the first of equals.</summary>
        public (double[] Point, double Score) MostPromising(double[][] points)
        {
            var (better, worse) = (new double[points.Length], new double[points.Length]);
            Better.LogDensities(points, better);
            Worse.LogDensities(points, worse);
            var best = 0;
            for (var i = 1; i < points.Length; i++)
            {
                best = better[i] - worse[i] > better[best] - worse[best] ? i : best;
            }

            return (points[best], better[best] - worse[best]);
        }
    }
}
