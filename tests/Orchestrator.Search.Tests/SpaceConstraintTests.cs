using System.Text.Json;
using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class SpaceConstraintTests
{
    [Theory]
    [InlineData("x + y <= 1", true)]
    [InlineData("x + y < 1", false)]
    [InlineData("1 > x", true)]
    [InlineData("-x * -2 >= 0.6", true)]
    [InlineData("(x + y) / 2 > x", true)]
    [InlineData("x - y - 1 < x - (y - 1)", true)]
    [InlineData("x / (y - 0.7) <= 5", false)]
    [InlineData("2e-1 < x", true)]
    [InlineData("absent > 100", true)]
    public void Constraints_are_read_as_arithmetic(string text, bool holds)
    {
        var values = new ParameterAssignment([KeyValuePair.Create("x", ParameterValue.Of(0.3)), KeyValuePair.Create("y", ParameterValue.Of(0.7))]);
        Assert.Equal(holds, new SpaceConstraint(text).Holds(values));
    }

    [Theory]
    [InlineData("x + y")]
    [InlineData("x + <= 1")]
    [InlineData("(x <= 1")]
    [InlineData("x <= 1 <= y")]
    [InlineData("1 < 2")]
    [InlineData("x == 1")]
    [InlineData("")]
    public void What_is_no_constraint_is_refused(string text) =>
        Assert.Equal("bad-constraint", Assert.Throws<SearchSpaceException>(() => new SpaceConstraint(text)).Code);

    [Theory]
    [InlineData("x + z <= 1", "")]
    [InlineData("x + kind <= 1", "kind")]
    public void It_speaks_of_numeric_parameters_only(string text, string parameter)
    {
        var refusal = Assert.Throws<SearchSpaceException>(() => new SearchSpace(
            [new("x", new ParameterDomain.Uniform(0, 1)), new("kind", new ParameterDomain.Choice([ParameterValue.Of("a"), ParameterValue.Of(1)]))], [text]));
        Assert.Equal(("bad-constraint", parameter), (refusal.Code, refusal.Parameter));
    }

    [Fact]
    public void Little_room_is_refused_and_told()
    {
        var space = new SearchSpace([new("x", new ParameterDomain.Uniform(0, 1)), new("y", new ParameterDomain.Uniform(0, 1))], ["x + y <= 0.01"]);
        var refusal = Assert.Throws<SearchSpaceException>(() => SpaceRoom.Check(space));
        Assert.Equal("small-space", refusal.Code);
        Assert.Contains("x + y <= 0.01", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_share_that_is_left_is_about_right()
    {
        var space = new SearchSpace([new("x", new ParameterDomain.Uniform(0, 1)), new("y", new ParameterDomain.Uniform(0, 1))], ["x + y <= 1"]);
        Assert.Equal(0.5, SpaceRoom.Share(space), 0.025);
        SpaceRoom.Check(space);
    }

    [Fact]
    public void A_grid_has_only_the_points_that_keep_to_them()
    {
        var space = new SearchSpace([new("x", new ParameterDomain.Integer(0, 3)), new("y", new ParameterDomain.Integer(0, 3))], ["x + y < 3"]);
        Assert.Equal(["x=0, y=0", "x=0, y=1", "x=0, y=2", "x=1, y=0", "x=1, y=1", "x=2, y=0"],
            Enumerable.Range(0, (int)space.Grid.Size).Select(index => space.Grid[index].ToString()));
    }

    [Fact]
    public void A_constrained_spaces_json_gives_it_back()
    {
        var json = JsonSerializer.Serialize(Spaces.Constrained);
        Assert.Equal(json, JsonSerializer.Serialize(JsonSerializer.Deserialize<SearchSpace>(json)));
        Assert.Equal(["x + y <= 1", "n * x < 8"], JsonSerializer.Deserialize<SearchSpace>(json)!.Constraints.Select(constraint => constraint.Text));
    }
}
