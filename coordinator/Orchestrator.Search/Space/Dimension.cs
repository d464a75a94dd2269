namespace Orchestrator.Search;

/// <summary>One coordinate of a space's unit cube.</summary>
/// <param name="Index">Of the coordinate in a point.</param>
/// <param name="Place">Of the parameter in <see cref="SearchSpace.InOrderOfDependency"/>.</param>
public sealed record Dimension(int Index, int Place, Parameter Parameter)
{
    /// <summary>Up to this many levels, whether a condition holds is looked up.</summary>
    private const int MostInTable = 4096;

    private readonly Dictionary<Condition, bool[]> tables = new(ReferenceEqualityComparer.Instance);

    /// <summary>How many values there are; null where there is no end of them.</summary>
    public long? Levels { get; } = Parameter.Domain.Levels;

    /// <summary>Its values have no order: being near means nothing.</summary>
    public bool IsCategory { get; } = Parameter.Domain is ParameterDomain.Choice { Ordered: false };

    /// <summary>In [0, 1), as <see cref="ParameterDomain.FromUnit"/> wants it.</summary>
    public static double Clamp(double coordinate) => Math.Clamp(coordinate, 0, 1 - (1.0 / (1L << 53)));

    /// <summary>The coordinate that encoding the decoded value gives, but for rounding: the middle of the level.</summary>
    public double Snap(double coordinate)
    {
        coordinate = Clamp(coordinate);
        if (Levels is null)
        {
            return coordinate;
        }

        var level = Parameter.Domain.LevelOf(coordinate);
        return Middle(level);
    }

    public double Middle(long level) => Parameter.Domain.ToUnit(Parameter.Domain.GridPoint(level));

    /// <summary>Whether the value at the coordinate is one that the condition asks for.</summary>
    internal bool Meets(Condition condition, double coordinate)
    {
        if (Levels is not <= MostInTable)
        {
            return condition.Holds(Parameter.Domain.FromUnit(Clamp(coordinate)));
        }

        bool[]? table;
        lock (tables)
        {
            if (!tables.TryGetValue(condition, out table))
            {
                table = [.. Enumerable.Range(0, (int)Levels.Value).Select(level => condition.Holds(Parameter.Domain.GridPoint(level)))];
                tables.Add(condition, table);
            }
        }

        return table[Parameter.Domain.LevelOf(Clamp(coordinate))];
    }
}
