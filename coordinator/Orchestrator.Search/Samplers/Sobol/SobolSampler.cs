namespace Orchestrator.Search;

/// <summary>
/// Quasi-random: trials spread more evenly than drawn ones, in every parameter and every pair of them, whatever comes of them. Best with 2^n trials.
/// </summary>
public sealed class SobolSampler : ISampler
{
    /// <summary>Where a point misses a constraint, the one this many further on takes its place: it belongs to another block of an even sequence.</summary>
    private const uint NextBlock = 1 << 24;

    private const uint Blocks = 1 << 8;

    public string Name => "sobol";

    public long? Size(SearchSpace space) => null;

    public Suggestion Suggest(Study study, int trial) => new(Point(study.Space, study.Seed, trial), "quasi-random");

    /// <summary>The trial's point of the scrambled sequence; one drawn at random where the constraints leave so little that none is found.</summary>
    /// <param name="at">From an even share to a coordinate; the share itself where it is null.</param>
    internal static ParameterAssignment Point(SearchSpace space, long seed, int trial, Func<Dimension, double, double>? at = null)
    {
        var point = new double[space.Codec.Dimensions.Count];
        for (var block = 0u; block < Blocks; block++)
        {
            for (var dimension = 0; dimension < point.Length; dimension++)
            {
                var share = SobolSequence.Scrambled(seed, unchecked((uint)trial + (block * NextBlock)), dimension);
                point[dimension] = at is null ? share : at(space.Codec.Dimensions[dimension], share);
            }

            var assignment = space.Codec.Decode(point);
            if (space.Keeps(assignment))
            {
                return assignment;
            }
        }

        return SpaceRoom.Draw(space, seed, trial);
    }
}
