using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orchestrator.Search;

/// <summary>The parameter applies only where the parent applies and has one of the values.</summary>
public sealed record Condition(string Parent, IReadOnlyList<ParameterValue> Values);

/// <param name="When">All of them must hold; none for a parameter that always applies.</param>
[method: JsonConstructor]
public sealed record Parameter(string Name, ParameterDomain Domain, IReadOnlyList<Condition> When)
{
    public Parameter(string name, ParameterDomain domain)
        : this(name, domain, [])
    {
    }
}

/// <summary>The space that a sweep searches: checked parameters in their declared order, some of which apply only where others have certain values.</summary>
[JsonConverter(typeof(Converter))]
public sealed class SearchSpace
{
    private readonly Lazy<Grid> grid;

    /// <exception cref="SearchSpaceException">The space is empty or a parameter is wrong.</exception>
    public SearchSpace(IReadOnlyList<Parameter> parameters)
    {
        Parameters = [.. parameters];
        InOrderOfDependency = SpaceCheck.Order(Parameters);
        grid = new Lazy<Grid>(() => new Grid(this));
    }

    /// <summary>As declared.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Parents before those that depend on them, otherwise as declared.</summary>
    public IReadOnlyList<Parameter> InOrderOfDependency { get; }

    /// <summary>All points of the space, countable.</summary>
    /// <exception cref="SearchSpaceException">endless-grid: a range without a number of points.</exception>
    public Grid Grid => grid.Value;

    /// <summary>Whether the parameter applies beside the values of its parents.</summary>
    public static bool Applies(Parameter parameter, IReadOnlyDictionary<string, ParameterValue> values) =>
        parameter.When.All(condition => values.TryGetValue(condition.Parent, out var value) && condition.Values.Contains(value));

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

    /// <summary>Whether the assignment has a value of its domain for every parameter that applies, and no other.</summary>
    public bool Contains(ParameterAssignment assignment) =>
        Parameters.All(parameter => Applies(parameter, assignment)
            ? assignment.TryGetValue(parameter.Name, out var value) && parameter.Domain.Contains(value)
            : !assignment.ContainsKey(parameter.Name))
        && assignment.Keys.All(name => Parameters.Any(parameter => parameter.Name == name));

    private sealed class Converter : JsonConverter<SearchSpace>
    {
        public override SearchSpace Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            new(JsonSerializer.Deserialize<Parameter[]>(ref reader, options) ?? []);

        public override void Write(Utf8JsonWriter writer, SearchSpace value, JsonSerializerOptions options) =>
            JsonSerializer.Serialize(writer, value.Parameters, options);
    }
}
