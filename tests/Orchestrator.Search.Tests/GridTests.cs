using CsCheck;
using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class GridTests
{
    [Fact]
    public void Has_every_point_of_the_space_exactly_once() => Spaces.Any.Sample(
        space =>
        {
            var expected = new HashSet<ParameterAssignment>(Points(space));
            var points = Enumerable.Range(0, (int)space.Grid.Size).Select(index => space.Grid[index]).ToArray();
            return points.Length == expected.Count && expected.SetEquals(points);
        },
        iter: 300);

    [Fact]
    public void The_last_parameter_is_the_innermost_loop()
    {
        var space = new SearchSpace([new("a", new ParameterDomain.Integer(0, 1)), new("b", new ParameterDomain.Integer(0, 2))]);
        Assert.Equal(
            ["a=0, b=0", "a=0, b=1", "a=0, b=2", "a=1, b=0", "a=1, b=1", "a=1, b=2"],
            Enumerable.Range(0, 6).Select(index => space.Grid[index].ToString()));
    }

    [Fact]
    public void Counts_only_what_applies() =>
        // lr 3 x hidden 4 x (sgd: momentum 2 x nesterov 2, adamw: 1, adam: nesterov 2)
        Assert.Equal(3 * 4 * (4 + 1 + 2), Spaces.Conditional.Grid.Size);

    [Fact]
    public void Huge_grids_are_counted_and_reached_without_walking_them()
    {
        var space = new SearchSpace([.. Enumerable.Range(0, 6).Select(i => new Parameter($"p{i}", new ParameterDomain.Integer(0, 999)))]);
        Assert.Equal(1_000_000_000_000_000_000, space.Grid.Size);
        Assert.Equal("p0=123, p1=456, p2=789, p3=12, p4=345, p5=678", space.Grid[123_456_789_012_345_678].ToString());
    }

    [Fact]
    public void More_points_than_can_be_counted_are_that_many()
    {
        var space = new SearchSpace([.. Enumerable.Range(0, 8).Select(i => new Parameter($"p{i}", new ParameterDomain.Integer(0, 999)))]);
        Assert.Equal(long.MaxValue, space.Grid.Size);
    }

    [Fact]
    public void A_range_takes_its_ends_exactly_and_even_steps_between()
    {
        var space = new SearchSpace([new("lr", new ParameterDomain.LogUniform(1e-4, 1e-1, Points: 4))]);
        Assert.Equal(["lr=0.0001", "lr=0.001", "lr=0.01", "lr=0.1"], Enumerable.Range(0, 4).Select(index => space.Grid[index].ToString()));
    }

    [Fact]
    public void A_range_without_points_is_refused_by_name()
    {
        var space = new SearchSpace([new("lr", new ParameterDomain.Uniform(0, 1))]);
        var refusal = Assert.Throws<SearchSpaceException>(() => space.Grid);
        Assert.Equal(("endless-grid", "lr"), (refusal.Code, refusal.Parameter));
    }

    /// <summary>By plain recursion.</summary>
    private static List<ParameterAssignment> Points(SearchSpace space)
    {
        var points = new List<ParameterAssignment>();
        Walk(0, new Dictionary<string, ParameterValue>(StringComparer.Ordinal));
        return points;

        void Walk(int place, Dictionary<string, ParameterValue> values)
        {
            if (place == space.InOrderOfDependency.Count)
            {
                points.Add(new ParameterAssignment(values));
                return;
            }

            var parameter = space.InOrderOfDependency[place];
            if (!SearchSpace.Applies(parameter, values))
            {
                Walk(place + 1, values);
                return;
            }

            for (var i = 0; i < parameter.Domain.GridPoints; i++)
            {
                Walk(place + 1, new Dictionary<string, ParameterValue>(values, StringComparer.Ordinal) { [parameter.Name] = parameter.Domain.GridPoint(i) });
            }
        }
    }
}
