using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orchestrator.Search;

/// <param name="When">All of them must hold; none for a parameter that always applies.</param>
[method: JsonConstructor]
public sealed record Parameter(string Name, ParameterDomain Domain, IReadOnlyList<Condition> When)
{
    public Parameter(string name, ParameterDomain domain)
        : this(name, domain, [])
    {
    }

    /// <summary>What is believed of it before the first trial; null where nothing is.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ParameterPrior? Prior { get; init; }
}

/// <summary>The space that a sweep searches: checked parameters in their declared order, some of which apply only where others have certain values.</summary>
[JsonConverter(typeof(Converter))]
public sealed class SearchSpace
{
    private readonly Lazy<Grid> grid;
    private readonly Lazy<PointCodec> codec;
    private readonly Dictionary<string, int> places = new(StringComparer.Ordinal);

    /// <param name="constraints">What must hold between the parameters of a trial, as <see cref="SpaceConstraint"/> reads it.</param>
    /// <exception cref="SearchSpaceException">The space is empty or a parameter or constraint is wrong.</exception>
    public SearchSpace(IReadOnlyList<Parameter> parameters, IReadOnlyList<string>? constraints = null)
    {
        Parameters = [.. parameters];
        Constraints = [.. (constraints ?? []).Select(text => new SpaceConstraint(text))];
        InOrderOfDependency = SpaceCheck.Order(Parameters);
        grid = new Lazy<Grid>(() => new Grid(this));
        codec = new Lazy<PointCodec>(() => new PointCodec(this));
        for (var place = 0; place < InOrderOfDependency.Count; place++)
        {
            places.Add(InOrderOfDependency[place].Name, place);
        }

        SpaceCheck.CheckConstraints(Parameters, Constraints);
    }

    /// <summary>As declared.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    public IReadOnlyList<SpaceConstraint> Constraints { get; }

    /// <summary>Parents before those that depend on them, otherwise as declared.</summary>
    public IReadOnlyList<Parameter> InOrderOfDependency { get; }

    /// <summary>All points of the space, countable.</summary>
    /// <exception cref="SearchSpaceException">endless-grid: a range without a number of points.</exception>
    public Grid Grid => grid.Value;

    /// <summary>The space as a unit cube.</summary>
    public PointCodec Codec => codec.Value;

    /// <summary>Whether the parameter applies beside the values of its parents.</summary>
    public static bool Applies(Parameter parameter, IReadOnlyDictionary<string, ParameterValue> values) =>
        parameter.When.All(condition => values.TryGetValue(condition.Parent, out var value) && condition.Holds(value));

    /// <summary>Asks for the value of each parameter that applies, parents first, and gives them in declared order.</summary>
    /// <param name="choose">From the parameter and its place in <see cref="InOrderOfDependency"/>, which a space never changes.</param>
    public ParameterAssignment Assign(Func<Parameter, int, ParameterValue> choose)
    {
        var values = new Dictionary<string, ParameterValue>(StringComparer.Ordinal);
        for (var place = 0; place < InOrderOfDependency.Count; place++)
        {
            var parameter = InOrderOfDependency[place];
            if (Applies(parameter, values))
            {
                values.Add(parameter.Name, choose(parameter, place));
            }
        }

        return new ParameterAssignment(Parameters
            .Where(parameter => values.ContainsKey(parameter.Name))
            .Select(parameter => KeyValuePair.Create(parameter.Name, values[parameter.Name])));
    }

    /// <summary>Whether values that the parameters can take keep to the constraints.</summary>
    public bool Keeps(IReadOnlyDictionary<string, ParameterValue> values)
    {
        foreach (var constraint in Constraints)
        {
            if (!constraint.Holds(values))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether the assignment has a value of its domain for every parameter that applies, and no other, and keeps to the constraints.</summary>
    public bool Contains(ParameterAssignment assignment) =>
        Parameters.All(parameter => Applies(parameter, assignment)
            ? assignment.TryGetValue(parameter.Name, out var value) && parameter.Domain.Contains(value)
            : !assignment.ContainsKey(parameter.Name))
        && assignment.Keys.All(name => Parameters.Any(parameter => parameter.Name == name))
        && Keeps(assignment);

    /// <summary>In <see cref="InOrderOfDependency"/>.</summary>
    internal int PlaceOf(string parameter) => places[parameter];

    /// <summary>A list of parameters; where there are constraints, an object of both.</summary>
    private sealed class Converter : JsonConverter<SearchSpace>
    {
        public override SearchSpace Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType == JsonTokenType.StartArray)
            {
                return new SearchSpace(JsonSerializer.Deserialize<Parameter[]>(ref reader, options) ?? []);
            }

            var both = JsonSerializer.Deserialize<Constrained>(ref reader) ?? new Constrained([], []);
            return new SearchSpace(both.Parameters, both.Constraints);
        }

        public override void Write(Utf8JsonWriter writer, SearchSpace value, JsonSerializerOptions options)
        {
            if (value.Constraints.Count == 0)
            {
                JsonSerializer.Serialize(writer, value.Parameters, options);
            }
            else
            {
                JsonSerializer.Serialize(writer, new Constrained([.. value.Parameters], [.. value.Constraints.Select(constraint => constraint.Text)]));
            }
        }

        private sealed record Constrained(Parameter[] Parameters, string[] Constraints);
    }
}
