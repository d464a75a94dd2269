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
        Groups = [.. dimensions.GroupBy(dimension => KeyOf(dimension.Parameter.When), StringComparer.Ordinal).Select(group => group.ToArray())];
        IsFinite = dimensions.All(dimension => dimension.Levels is not null);
    }

    /// <summary>Parents before those that depend on them.</summary>
    public IReadOnlyList<Dimension> Dimensions { get; }

    /// <summary>The dimensions by their conditions: those of a group apply together or not at all. Parents' groups before those that depend on them.</summary>
    public IReadOnlyList<IReadOnlyList<Dimension>> Groups { get; }

    /// <summary>There is an end of points: no parameter is continuous.</summary>
    public bool IsFinite { get; }

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

    /// <summary>Writes NaN where a parameter does not apply: the point is then as <see cref="Encode"/> would have it after <see cref="Decode"/>, but for levels.</summary>
    public void Mask(Span<double> point)
    {
        foreach (var dimension in Dimensions)
        {
            if (!Applies(dimension, point))
            {
                point[dimension.Index] = double.NaN;
            }
        }
    }

    /// <summary>Whether the parameter applies beside those before it.</summary>
    /// <param name="point">NaN where a parent does not apply.</param>
    public bool Applies(Dimension dimension, ReadOnlySpan<double> point)
    {
        foreach (var condition in dimension.Parameter.When)
        {
            if (!Holds(condition, point))
            {
                return false;
            }
        }

        return true;
    }

    private static string KeyOf(IReadOnlyList<Condition> when) => string.Join('|', when.Select(condition =>
        $"{condition.Parent} {string.Join(',', condition.Values.Select(value => value.Json))} {condition.Min:R} {condition.Max:R}"));

    private bool Holds(Condition condition, ReadOnlySpan<double> point)
    {
        var place = space.PlaceOf(condition.Parent);
        if (byPlace[place] is { } parent)
        {
            return !double.IsNaN(point[parent.Index]) && parent.Meets(condition, point[parent.Index]);
        }

        var constant = space.InOrderOfDependency[place];
        foreach (var above in constant.When)
        {
            if (!Holds(above, point))
            {
                return false;
            }
        }

        return condition.Holds(constant.Domain.FromUnit(0.5));
    }
}

/// <summary>What an assignment was encoded to, and by which codec.</summary>
internal sealed record EncodedPoint(PointCodec Codec, double[] Point);
