namespace Orchestrator.Search;

/// <summary>
/// Every point of a space once, in the order of nested loops with the last parameter innermost. Points are counted and reached by index without walking the
/// ones before: only values that a later condition asks about make branches, the rest multiply.
/// </summary>
public sealed class Grid
{
    /// <summary>A condition on a parameter of more values than this is refused: each of them would be a branch.</summary>
    private const long MostBranches = 100_000;

    /// <summary>A grid of more points is refused where constraints leave some out: each has to be looked at.</summary>
    private const long MostLookedAt = 1_000_000;

    private readonly SearchSpace space;
    private readonly IReadOnlyList<Parameter> parameters;
    private readonly Dictionary<string, long> counts = new(StringComparer.Ordinal);

    /// <summary>The indices of the points that keep to the constraints, ascending; null where there are none.</summary>
    private readonly List<long>? kept;

    /// <summary>For each place, the parents that conditions from there on ask about.</summary>
    private readonly HashSet<string>[] asked;

    internal Grid(SearchSpace space)
    {
        this.space = space;
        parameters = space.InOrderOfDependency;
        if (parameters.FirstOrDefault(parameter => parameter.Domain.GridPoints is null) is { } endless)
        {
            throw new SearchSpaceException("endless-grid", endless.Name,
                $"parameter '{endless.Name}': a grid needs to know how many values to take of a range",
                "say points: N beside it, or use quantized, integer or choice, or another sampler");
        }

        asked = [.. Enumerable.Range(0, parameters.Count + 1).Select(place => parameters
            .Skip(place)
            .SelectMany(parameter => parameter.When.Select(condition => condition.Parent))
            .ToHashSet(StringComparer.Ordinal))];
        if (parameters.FirstOrDefault(parameter => asked[0].Contains(parameter.Name) && parameter.Domain.GridPoints > MostBranches) is { } wide)
        {
            throw new SearchSpaceException("endless-grid", wide.Name,
                $"parameter '{wide.Name}': others depend on it, and it has more than {MostBranches} values", "use a choice of the values that matter");
        }

        Size = Count(0, []);
        if (space.Constraints.Count > 0)
        {
            kept = Kept();
            Size = kept.Count;
        }
    }

    /// <summary>How many points there are; <see cref="long.MaxValue"/> where there are more than that.</summary>
    public long Size { get; }

    /// <summary>The point with this index, from 0.</summary>
    public ParameterAssignment this[long index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Size);
            return At(kept is null ? index : kept[(int)index]);
        }
    }

    private List<long> Kept()
    {
        if (Size > MostLookedAt)
        {
            throw new SearchSpaceException("endless-grid", "",
                $"the grid has {Size} points before its constraints, and each has to be looked at", $"take at most {MostLookedAt}, or another sampler");
        }

        var found = new List<long>();
        for (var index = 0L; index < Size; index++)
        {
            if (space.Keeps(At(index)))
            {
                found.Add(index);
            }
        }

        return found.Count > 0 ? found : throw new SearchSpaceException("small-space", "", "no point of the grid keeps to the constraints", "widen them");
    }

    private ParameterAssignment At(long index)
    {
        var values = new Dictionary<string, ParameterValue>(StringComparer.Ordinal);
        return space.Assign((parameter, place) => values[parameter.Name] = Choose(place, values, ref index));
    }

    /// <summary>The value at this place, and the index left for the places after it.</summary>
    private ParameterValue Choose(int place, Dictionary<string, ParameterValue> values, ref long index)
    {
        var (name, domain) = (parameters[place].Name, parameters[place].Domain);
        if (!asked[place + 1].Contains(name))
        {
            var each = Count(place + 1, values);
            var point = domain.GridPoint(index / each);
            index %= each;
            return point;
        }

        for (var point = 0L; ; point++)
        {
            values[name] = domain.GridPoint(point);
            var each = Count(place + 1, values);
            if (index < each)
            {
                return values[name];
            }

            index -= each;
        }
    }

    /// <summary>How many ways there are to go on from this place.</summary>
    private long Count(int place, Dictionary<string, ParameterValue> values)
    {
        if (place == parameters.Count)
        {
            return 1;
        }

        var key = Key(place, values);
        lock (counts)
        {
            if (counts.TryGetValue(key, out var known))
            {
                return known;
            }
        }

        var count = CountAnew(place, values);
        lock (counts)
        {
            counts[key] = count;
        }

        return count;
    }

    private long CountAnew(int place, Dictionary<string, ParameterValue> values)
    {
        var parameter = parameters[place];
        if (!SearchSpace.Applies(parameter, values))
        {
            return Count(place + 1, values);
        }

        var points = parameter.Domain.GridPoints!.Value;
        if (!asked[place + 1].Contains(parameter.Name))
        {
            return Saturate((Int128)points * Count(place + 1, values));
        }

        var sum = 0L;
        for (var point = 0L; point < points; point++)
        {
            var branch = new Dictionary<string, ParameterValue>(values, StringComparer.Ordinal) { [parameter.Name] = parameter.Domain.GridPoint(point) };
            sum = Saturate((Int128)sum + Count(place + 1, branch));
        }

        return sum;
    }

    /// <summary>What the count from here depends on: which of the parents still asked about have which value.</summary>
    private string Key(int place, Dictionary<string, ParameterValue> values) =>
        $"{place}|{string.Join('|', asked[place].Where(values.ContainsKey).Order(StringComparer.Ordinal).Select(name => $"{name}={values[name].Json}"))}";

    private static long Saturate(Int128 count) => count > long.MaxValue ? long.MaxValue : (long)count;
}
