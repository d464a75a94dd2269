namespace Orchestrator.Search;

/// <summary>
/// Where CMA-ES stands after whole generations: a fold over the trials in order. A generation is a block of consecutive trials; its results count as
/// <see cref="CmaEsGeneration"/> says. Never changed.
/// </summary>
internal sealed record CmaEsRun
{
    /// <summary>The cube's sides are three standard deviations from its centre: the distribution begins over all of it, and next to all it draws lies inside.</summary>
    private const double FirstStep = 1.0 / 6;

    /// <summary>Older distributions kept: with trials in parallel some of a generation were drawn from one of them.</summary>
    private const int MostOlder = 4;

    /// <summary>A run whose steps are smaller has found its optimum: nothing trained depends on a millionth of a range.</summary>
    private const double LeastStep = 1e-6;

    /// <summary>The current one first.</summary>
    public required IReadOnlyList<CmaEsState> States { get; init; }

    public CmaEsState State => States[0];

    /// <summary>The first trial of the generation under way.</summary>
    public int Start { get; init; }

    public int Restarts { get; init; }

    /// <summary>The population of the last run that doubled it.</summary>
    public required int LargePopulation { get; init; }

    /// <summary>That of the first run; none is smaller.</summary>
    public required int SmallestPopulation { get; init; }

    /// <summary>Trials spent in runs of doubled populations, and in small ones between them.</summary>
    public (int Large, int Small) Spent { get; init; }

    public bool IsLarge { get; init; } = true;

    /// <summary>The best costs of this run's generations, oldest first.</summary>
    public IReadOnlyList<double> Best { get; init; } = [];

    /// <param name="told">The population; 0 for what suits the space.</param>
    public static CmaEsRun First(CmaEsDraw draw, int told)
    {
        var n = draw.Ordered.Count;
        var population = told > 0 ? told : CmaEsStrategy.DefaultPopulation(draw.Ordered.Count + draw.Unordered.Count);
        var centre = new double[n];
        Array.Fill(centre, 0.5);
        return new CmaEsRun { LargePopulation = population, SmallestPopulation = population, States = [Begin(draw, population, centre, FirstStep)] };
    }

    /// <summary>After the generation, whose results count.</summary>
    public CmaEsRun Next(CmaEsDraw draw, long seed, Study study, History history)
    {
        var state = State;
        var population = state.Strategy.Population;
        var ranked = new CmaEsGeneration(history, study.Goals[0], Start, population).Ranked();
        var latents = Array.ConvertAll(ranked, ranking => Find(draw, study.Trials[ranking.Trial].Parameters, ranking.Trial));
        var next = state.Update(Array.ConvertAll(latents, latent => latent.Step), Array.ConvertAll(latents, latent => latent.Categories));
        var costs = ranked.Where(ranking => !double.IsNaN(ranking.Cost)).Select(ranking => ranking.Cost).ToArray();
        var after = this with
        {
            States = [next, .. States.Take(MostOlder - 1)],
            Start = Start + population,
            Best = [.. Best, costs.Length > 0 ? costs[0] : double.PositiveInfinity],
            Spent = IsLarge ? Spent with { Large = Spent.Large + population } : Spent with { Small = Spent.Small + population },
        };
        return after.HasConverged(costs) ? after.Restart(draw, seed) : after;
    }

    /// <summary>What was drawn for the trial: from this distribution, or from an older one while this one was not known yet.</summary>
    private CmaEsLatent Find(CmaEsDraw draw, ParameterAssignment parameters, int trial)
    {
        foreach (var state in States)
        {
            var drawn = draw.Draw(state, trial);
            if (drawn.Parameters.Equals(parameters))
            {
                return state == State || state.Mean.Length == 0 ? drawn : drawn with { Step = CmaEsDraw.Move(state, State, drawn.Step) };
            }
        }

        return draw.Of(State, parameters);
    }

    /// <summary>Steps too small to matter, axes too different for the arithmetic, or no change of the best over many generations (Hansen's tutorial, B.3).</summary>
    private bool HasConverged(double[] costs)
    {
        var state = State;
        var n = state.Mean.Length;
        if (n == 0)
        {
            return false;
        }

        var (shortest, longest) = (state.Lengths.Min(), state.Lengths.Max());
        var patience = 10 + (int)Math.Ceiling(30.0 * n / state.Strategy.Population);
        return state.Step * longest < LeastStep
            || longest > 1e7 * shortest
            || (Best.Count >= patience && costs.Length > 0 && IsFlat([.. Best.TakeLast(patience), .. costs]));
    }

    private static bool IsFlat(double[] costs) => costs.Max() - costs.Min() is var range && (range <= 1e-12 * (1 + Math.Abs(costs[0])) || !double.IsFinite(range));

    /// <summary>
    /// In turns, whichever has spent less: a run from elsewhere with twice the population, which sees past small valleys, or one with a small population and
    /// perhaps a small step (Hansen, "Benchmarking a BI-population CMA-ES on the BBOB-2009 function testbed", 2009).
    /// </summary>
    private CmaEsRun Restart(CmaEsDraw draw, long seed)
    {
        var restarts = Restarts + 1;
        var start = Array.ConvertAll([.. draw.Ordered], dimension => Draws.Unit(seed, -restarts, dimension.Place, 1));
        if (Spent.Small < Spent.Large && Restarts > 0)
        {
            var share = Draws.Unit(seed, -restarts, -1, 1);
            var population = Math.Max(SmallestPopulation, (int)(SmallestPopulation * Exact.Exp(share * share * Exact.Log(0.5 * LargePopulation / SmallestPopulation))));
            var step = FirstStep * Exact.Exp(-2 * Exact.Log(10) * Draws.Unit(seed, -restarts, -1, 2));
            return this with { States = [Begin(draw, population, start, step), .. Older], Restarts = restarts, IsLarge = false, Best = [] };
        }

        var doubled = 2 * LargePopulation;
        return this with { States = [Begin(draw, doubled, start, FirstStep), .. Older], Restarts = restarts, IsLarge = true, LargePopulation = doubled, Best = [] };
    }

    private IEnumerable<CmaEsState> Older => States.Take(MostOlder - 1);

    private static CmaEsState Begin(CmaEsDraw draw, int population, double[] mean, double step) => CmaEsState.Initial(
        new CmaEsStrategy(draw.Ordered.Count, population), mean, step,
        Array.ConvertAll([.. draw.Unordered], dimension =>
        {
            var probabilities = new double[(int)dimension.Levels!.Value];
            Array.Fill(probabilities, 1.0 / probabilities.Length);
            return probabilities;
        }));
}
