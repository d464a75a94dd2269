namespace Orchestrator.Search;

/// <summary>
/// Points of the cube as vectors whose distances mean something to a kernel: ordered parameters as their coordinate, categories as one number for each value
/// so that any two are equally far apart, and for parameters under a condition whether they apply, in place of how far apart they are.
/// </summary>
internal sealed class GpFeatures
{
    /// <summary>From a point where a parameter applies to one where it does not: its parents differ too, and say so themselves.</summary>
    private const double AbsentDistance = 0.5;

    private readonly List<(Dimension Dimension, Kind Kind, long Level)> features = [];

    public GpFeatures(PointCodec codec)
    {
        foreach (var dimension in codec.Dimensions)
        {
            if (!dimension.IsCategory)
            {
                features.Add((dimension, Kind.Coordinate, 0));
            }
            else
            {
                for (var level = 0L; level < dimension.Levels; level++)
                {
                    features.Add((dimension, Kind.Value, level));
                }
            }

            if (dimension.Parameter.When.Count > 0)
            {
                features.Add((dimension, Kind.Presence, 0));
            }
        }

        Scales = [.. features.Select(feature => feature.Dimension.Index)];
        ScaleCount = codec.Dimensions.Count;
    }

    private enum Kind
    {
        Coordinate,
        Value,
        Presence,
    }

    public int Count => features.Count;

    /// <summary>By feature: which length scale it is measured by, one for each dimension.</summary>
    public int[] Scales { get; }

    public int ScaleCount { get; }

    /// <summary>The feature that is the dimension's coordinate.</summary>
    public int CoordinateOf(Dimension dimension) => features.FindIndex(feature => feature.Dimension == dimension && feature.Kind == Kind.Coordinate);

    /// <param name="point">NaN where a parameter does not apply.</param>
    public double[] Of(ReadOnlySpan<double> point)
    {
        var vector = new double[Count];
        for (var f = 0; f < vector.Length; f++)
        {
            var (dimension, kind, level) = features[f];
            var coordinate = point[dimension.Index];
            var isAbsent = double.IsNaN(coordinate);
            vector[f] = kind switch
            {
                Kind.Coordinate => isAbsent ? 0.5 : coordinate,
                Kind.Presence => isAbsent ? AbsentDistance : 0,
                _ => !isAbsent && dimension.Parameter.Domain.LevelOf(Dimension.Clamp(coordinate)) == level ? 0.70710678118654752 : 0,
            };
        }

        return vector;
    }
}
