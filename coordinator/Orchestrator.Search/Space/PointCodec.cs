namespace Orchestrator.Search;

/// <summary>
/// A space as a unit cube: one coordinate in [0, 1] for each parameter that can vary, so that samplers need know nothing of kinds of parameters. A coordinate is
/// the parameter's share of its domain (<see cref="ParameterDomain.ToUnit"/>), NaN where the parameter does not apply.
/// </summary>
public sealed class PointCodec
{
    private readonly SearchSpace space;

    /// <summary>By place; null for constants.</summary>
    private readonly Dimension?[] byPlace;

    internal PointCodec(SearchSpace space)
    {
        this.space = space;
        byPlace = new Dimension?[space.InOrderOfDependency.Count];
        var dimensions = new List<Dimension>();
        for (var place = 0; place < byPlace.Length; place++)
        {
            if (space.InOrderOfDependency[place] is { Domain.Levels: not 1 } parameter)
            {
                dimensions.Add(byPlace[place] = new Dimension(dimensions.Count, place, parameter));
            }
        }

        Dimensions = dimensions;
    }

    /// <summary>Parents before those that depend on them.</summary>
    public IReadOnlyList<Dimension> Dimensions { get; }

    /// <summary>A coordinate for each dimension. Computed once for an assignment and kept with it: do not write to it.</summary>
    /// <param name="assignment">A point of the space.</param>
    public double[] Encode(ParameterAssignment assignment)
    {
        if (assignment.Encoded is { } known && known.Codec == this)
        {
            return known.Point;
        }

        var point = new double[Dimensions.Count];
        for (var i = 0; i < point.Length; i++)
        {
            point[i] = assignment.TryGetValue(Dimensions[i].Parameter.Name, out var value) ? Dimensions[i].Parameter.Domain.ToUnit(value) : double.NaN;
        }

        assignment.Encoded = new EncodedPoint(this, point);
        return point;
    }

    /// <summary>The parameters' values at a point; coordinates outside [0, 1] count as the nearest end, those of parameters that do not apply are not looked at.</summary>
    public ParameterAssignment Decode(double[] point) => space.Assign((parameter, place) =>
        parameter.Domain.FromUnit(byPlace[place] is { } dimension ? Dimension.Clamp(point[dimension.Index]) : 0.5));

    /// <summary>Which dimensions apply at the point, as <see cref="Encode"/> would have it after <see cref="Decode"/>: NaN is written where one does not.</summary>
    public void Mask(Span<double> point)
    {
        foreach (var dimension in Dimensions)
        {
            foreach (var condition in dimension.Parameter.When)
            {
                if (!Holds(condition, point))
                {
                    point[dimension.Index] = double.NaN;
                    break;
                }
            }
        }
    }

    private bool Holds(Condition condition, Span<double> point)
    {
        var place = space.PlaceOf(condition.Parent);
        if (byPlace[place] is not { } parent)
        {
            var constant = space.InOrderOfDependency[place];
            return constant.When.All(WhenOfConstantHolds(point.ToArray())) && condition.Holds(constant.Domain.FromUnit(0.5));
        }

        var coordinate = point[parent.Index];
        return !double.IsNaN(coordinate) && parent.Meets(condition, coordinate);
    }

    private Func<Condition, bool> WhenOfConstantHolds(double[] point) => condition => Holds(condition, point);
}

/// <summary>What an assignment was encoded to, and by which codec.</summary>
internal sealed record EncodedPoint(PointCodec Codec, double[] Point);
