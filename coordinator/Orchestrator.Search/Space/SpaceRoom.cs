namespace Orchestrator.Search;

/// <summary>How much of a space its constraints leave, and points drawn from what is left.</summary>
public static class SpaceRoom
{
    /// <summary>A space with a smaller share than this left is refused: samplers find points by trying.</summary>
    public const double LeastShare = 0.001;

    private const int Probes = 10_000;
    private const int MostAttempts = 1_000_000;

    /// <summary>The share of points drawn evenly over the parameters' domains that keep to the constraints.</summary>
    public static double Share(SearchSpace space) => space.Constraints.Count == 0
        ? 1
        : Enumerable.Range(0, Probes).Count(probe => space.Keeps(Draw(space, 0, probe, 0))) / (double)Probes;

    /// <exception cref="SearchSpaceException">small-space: hardly anything is left.</exception>
    public static void Check(SearchSpace space)
    {
        if (Share(space) is var share && share < LeastShare)
        {
            throw new SearchSpaceException("small-space", "",
                $"of {Probes} points drawn from the space {share * Probes} keep to its constraints ({string.Join("; ", space.Constraints.Select(constraint => constraint.Text))})",
                "narrow the parameters' ranges so that they fit the constraints");
        }
    }

    /// <summary>An even draw from what is left. A parameter's draw depends on its place in the space, not on which others apply.</summary>
    /// <exception cref="SearchSpaceException">small-space: none was found.</exception>
    public static ParameterAssignment Draw(SearchSpace space, long seed, int trial)
    {
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var drawn = Draw(space, seed, trial, attempt);
            if (space.Keeps(drawn))
            {
                return drawn;
            }
        }

        throw new SearchSpaceException("small-space", "", $"none of {MostAttempts} points drawn from the space keeps to its constraints", "widen the constraints");
    }

    /// <summary>The points that need not be tried again, where the space has an end of them: trials repeat bit by bit. Empty for a space that has none.</summary>
    internal static HashSet<ParameterAssignment> Tried(Study study, int trial) =>
        study.Space.Codec.IsFinite ? study.Trials.Take(trial).Select(observed => observed.Parameters).ToHashSet() : [];

    /// <summary>A draw that is none of those tried; any, where it seems that all are.</summary>
    internal static ParameterAssignment DrawNew(SearchSpace space, long seed, int trial, HashSet<ParameterAssignment> tried)
    {
        for (var attempt = 0; tried.Count > 0 && attempt < 1000; attempt++)
        {
            var drawn = Draw(space, seed, trial, attempt);
            if (space.Keeps(drawn) && !tried.Contains(drawn))
            {
                return drawn;
            }
        }

        return Draw(space, seed, trial);
    }

    private static ParameterAssignment Draw(SearchSpace space, long seed, int trial, int attempt) =>
        space.Assign((parameter, place) => parameter.Domain.FromUnit(Draws.Unit(seed, trial, place, attempt)));
}
