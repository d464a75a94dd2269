namespace Orchestrator.Search;

/// <summary>What was drawn for a trial before it became values: the point in the cube and its step from the mean.</summary>
/// <param name="Step">y = (x - mean) / step, [n], without what the margin added.</param>
/// <param name="Categories">The values drawn, [categories].</param>
internal sealed record CmaEsLatent(ParameterAssignment Parameters, double[] Step, int[] Categories);

/// <summary>Draws trials from a distribution, and finds again what was drawn: a draw is a function of (seed, trial, distribution).</summary>
internal sealed class CmaEsDraw(SearchSpace space, long seed)
{
    /// <summary>Draws for a trial until one lies in the cube; then the last is moved to the cube's side.</summary>
    private const int MostAttempts = 20;

    /// <summary>Of Sobol's sequence, between the attempts of a trial.</summary>
    private const uint NextBlock = 1 << 24;

    public IReadOnlyList<Dimension> Ordered { get; } = [.. space.Codec.Dimensions.Where(dimension => !dimension.IsCategory)];

    public IReadOnlyList<Dimension> Unordered { get; } = [.. space.Codec.Dimensions.Where(dimension => dimension.IsCategory)];

    /// <summary>
    /// The steps are quasi-random, which makes a small generation more even (Teytaud and Gelly, "DCMA: yet another derandomization in covariance-matrix-adaptation",
    /// 2007).
    /// </summary>
    public CmaEsLatent Draw(CmaEsState state, int trial)
    {
        var point = new double[space.Codec.Dimensions.Count];
        var margins = Margins(state);
        for (var attempt = 0u; ; attempt++)
        {
            var z = new double[Ordered.Count];
            for (var i = 0; i < z.Length; i++)
            {
                z[i] = Normal.Quantile(SobolSequence.Scrambled(seed, unchecked((uint)trial + (attempt * NextBlock)), Ordered[i].Index));
            }

            var step = state.Shape(z);
            var isInside = true;
            for (var i = 0; i < z.Length; i++)
            {
                var coordinate = state.Mean[i] + (state.Step * margins[i] * step[i]);
                isInside &= coordinate is >= 0 and <= 1;
                point[Ordered[i].Index] = Math.Clamp(coordinate, 0, 1);
                step[i] = (point[Ordered[i].Index] - state.Mean[i]) / (state.Step * margins[i]);
            }

            var categories = new int[Unordered.Count];
            for (var c = 0; c < categories.Length; c++)
            {
                var dimension = Unordered[c];
                categories[c] = Pick(state.Categories[c], SobolSequence.Scrambled(seed, unchecked((uint)trial + (attempt * NextBlock)), dimension.Index));
                point[dimension.Index] = dimension.Middle(categories[c]);
            }

            if (isInside || attempt == MostAttempts)
            {
                var parameters = space.Codec.Decode(point);
                if (space.Keeps(parameters))
                {
                    return new CmaEsLatent(parameters, step, categories);
                }

                if (attempt >= MostAttempts)
                {
                    return Of(state, SpaceRoom.Draw(space, seed, trial));
                }
            }
        }
    }

    /// <summary>The steps of values that were not drawn from this distribution, cut to a length that it might have drawn (Hansen, "Injecting external solutions into CMA-ES", 2011).</summary>
    public CmaEsLatent Of(CmaEsState state, ParameterAssignment parameters)
    {
        var point = space.Codec.Encode(parameters);
        var step = new double[Ordered.Count];
        for (var i = 0; i < step.Length; i++)
        {
            var coordinate = point[Ordered[i].Index];
            step[i] = double.IsNaN(coordinate) ? 0 : (coordinate - state.Mean[i]) / state.Step;
        }

        return new CmaEsLatent(parameters, Cut(state, step), Array.ConvertAll([.. Unordered], dimension =>
            double.IsNaN(point[dimension.Index]) ? 0 : (int)dimension.Parameter.Domain.LevelOf(point[dimension.Index])));
    }

    /// <summary>A step from an older distribution's mean as one from this one's.</summary>
    public static double[] Move(CmaEsState from, CmaEsState to, double[] step)
    {
        var moved = new double[step.Length];
        for (var i = 0; i < step.Length; i++)
        {
            moved[i] = (from.Mean[i] + (from.Step * step[i]) - to.Mean[i]) / to.Step;
        }

        return Cut(to, moved);
    }

    private static double[] Cut(CmaEsState state, double[] step)
    {
        var n = step.Length;
        var white = state.Whiten(step);
        var length = Math.Sqrt(Lanes.Dot(white, white));
        var longest = Math.Sqrt(n) + (2.0 * n / (n + 2));
        return length > longest ? Array.ConvertAll(step, value => value * longest / length) : step;
    }

    /// <summary>
    /// By how much steps are lengthened along dimensions of levels, so that the distribution never shrinks into one level: the next ones stay as likely as one
    /// trial in a generation (the margin of Hamano and others, "CMA-ES with margin", 2022, by the width of a level alone).
    /// </summary>
    private double[] Margins(CmaEsState state)
    {
        var margins = new double[Ordered.Count];
        Array.Fill(margins, 1);
        for (var i = 0; i < margins.Length; i++)
        {
            if (Ordered[i] is { Levels: not null } dimension)
            {
                var domain = dimension.Parameter.Domain;
                var level = domain.LevelOf(Dimension.Clamp(state.Mean[i]));
                var half = 0.5 * (domain.LevelEdge(level + 1) - domain.LevelEdge(level));
                var least = half / Normal.Quantile(1 - (0.5 / (state.Strategy.Population * margins.Length)));
                margins[i] = Math.Max(1, least / (state.Step * Math.Sqrt(Math.Max(state.Covariance[i, i], 1e-300))));
            }
        }

        return margins;
    }

    private static int Pick(double[] probabilities, double share)
    {
        var value = 0;
        while (value < probabilities.Length - 1 && share >= probabilities[value])
        {
            share -= probabilities[value++];
        }

        return value;
    }
}
