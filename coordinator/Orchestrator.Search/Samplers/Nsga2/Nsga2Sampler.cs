namespace Orchestrator.Search;

/// <summary>
/// NSGA-II (Deb and others, "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002): children of the trials that no other dominates and that have
/// most room around them. For several objectives; works with one. Steady-state: each child is chosen from the best of all trials so far, not generation by
/// generation, which found better fronts for the same number of trials (Durillo and others, "On the effect of the steady-state selection scheme in
/// multi-objective genetic algorithms", 2009) and lets trials run in parallel with nothing to wait for.
/// </summary>
/// <param name="options">Population: the best trials that may become parents.</param>
public sealed class Nsga2Sampler(SamplerOptions? options = null) : ISampler
{
    /// <summary>Parents for each objective unless told: sweeps have tens to hundreds of trials, so that more would leave no time to evolve.</summary>
    private const int PopulationOfAnObjective = 20;

    /// <summary>How often a child has two parents; otherwise it is one of them, mutated.</summary>
    private const double CrossoverChance = 0.9;

    /// <summary>Of simulated binary crossover and polynomial mutation: how near to the parents children are. The paper's.</summary>
    private const double CrossoverIndex = 20;
    private const double MutationIndex = 20;

    private const int MostAttempts = 50;

    public string Name => "nsga2";

    public long? Size(SearchSpace space) => null;

    public Suggestion Suggest(Study study, int trial)
    {
        var history = History.Of(study, trial);
        var size = options is { Population: > 0 and var told } ? told : PopulationOfAnObjective * study.Goals.Count;
        var candidates = history.Valued + history.Informative - history.Ended;
        if (history.Informative < size || candidates < 2)
        {
            return new Suggestion(SobolSampler.Point(study.Space, study.Seed, trial), "start: quasi-random");
        }

        var population = Ranking.BestInformative(history, Math.Min(size, candidates));
        var tried = SpaceRoom.Tried(study, trial);
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var draws = new Breeding(study.Seed, trial, attempt);
            var (mother, father) = (population[draws.Tournament(0, population.Length)], population[draws.Tournament(2, population.Length)]);
            var child = draws.Child(study.Space.Codec.Dimensions, history.Points[mother], history.Points[father]);
            var parameters = study.Space.Codec.Decode(child);
            if (study.Space.Keeps(parameters) && !tried.Contains(parameters)
                && !parameters.Equals(history.Parameters[mother]) && !parameters.Equals(history.Parameters[father]))
            {
                return new Suggestion(parameters, $"child of trials {mother} and {father}");
            }
        }

        return new Suggestion(SpaceRoom.DrawNew(study.Space, study.Seed, trial, tried), "drawn: children that are new are rare");
    }

    /// <summary>The draws of one attempt at a child.</summary>
    private readonly struct Breeding(long seed, int trial, int attempt)
    {
        private const int DrawsOfADimension = 6;

        /// <summary>The better of two drawn ones: a rank, from 0.</summary>
        public int Tournament(int first, int count) => Math.Min((int)(count * Whole(first)), (int)(count * Whole(first + 1)));

        public double[] Child(IReadOnlyList<Dimension> dimensions, double[] mother, double[] father)
        {
            var child = new double[dimensions.Count];
            var isCrossed = Whole(4) < CrossoverChance;
            var chance = 1.0 / dimensions.Count;
            foreach (var dimension in dimensions)
            {
                var i = dimension.Index;
                var gene = double.IsNaN(mother[i]) ? father[i] : double.IsNaN(father[i]) || !isCrossed ? mother[i] : Cross(dimension, mother[i], father[i]);

                // What applies in neither parent may apply in the child.
                child[i] = double.IsNaN(gene) ? Of(dimension, 5) : Of(dimension, 3) < chance ? Mutate(dimension, gene) : gene;
            }

            return child;
        }

        private double Cross(Dimension dimension, double a, double b)
        {
            if (Of(dimension, 0) < 0.5)
            {
                (a, b) = (b, a);
            }

            if (dimension.IsCategory || a == b || Of(dimension, 1) < 0.5)
            {
                return a;
            }

            var u = Of(dimension, 2);
            var spread = u < 0.5 ? Power(2 * u, 1 / (CrossoverIndex + 1)) : Power(1 / (2 * (1 - u)), 1 / (CrossoverIndex + 1));
            return Math.Clamp(0.5 * (((1 + spread) * a) + ((1 - spread) * b)), 0, 1);
        }

        private double Mutate(Dimension dimension, double gene)
        {
            var u = Of(dimension, 4);
            if (dimension.Levels is { } levels && (dimension.IsCategory || levels <= 8))
            {
                // One of the other values, all alike.
                var own = dimension.Parameter.Domain.LevelOf(Dimension.Clamp(gene));
                var other = Math.Min((long)(u * (levels - 1)), levels - 2);
                return dimension.Middle(other < own ? other : other + 1);
            }

            var shift = u < 0.5
                ? Power((2 * u) + ((1 - (2 * u)) * Power(1 - gene, MutationIndex + 1)), 1 / (MutationIndex + 1)) - 1
                : 1 - Power((2 * (1 - u)) + ((2 * (u - 0.5)) * Power(gene, MutationIndex + 1)), 1 / (MutationIndex + 1));
            return Math.Clamp(gene + shift, 0, 1);
        }

        private static double Power(double x, double exponent) => x <= 0 ? 0 : Exact.Exp(exponent * Exact.Log(x));

        /// <summary>A draw for the child as a whole.</summary>
        private double Whole(int which) => Draws.Unit(seed, trial, -1 - which, 1 + attempt);

        private double Of(Dimension dimension, int which) => Draws.Unit(seed, trial, dimension.Place, 1 + (((long)attempt * DrawsOfADimension) + which));
    }
}
