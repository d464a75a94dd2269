using CsCheck;
using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class PointCodecTests
{
    private static readonly Gen<(SearchSpace Space, double[] Point)> Points =
        Gen.Select(Spaces.Any, Gen.Double[0, 1].Array[5], (space, units) => (space, units[..space.Codec.Dimensions.Count]));

    [Fact]
    public void Every_point_of_the_cube_is_one_of_the_space() => Points.Sample((space, point) => space.Contains(space.Codec.Decode(point)));

    [Fact]
    public void Encoding_gives_back_the_values() => Points.Sample((space, point) =>
    {
        var assignment = space.Codec.Decode(point);
        var again = space.Codec.Decode(space.Codec.Encode(assignment));
        return space.Parameters.All(parameter =>
            !assignment.TryGetValue(parameter.Name, out var value)
            || again[parameter.Name] == value
            || (parameter.Domain.Levels is null && Math.Abs(again[parameter.Name].AsNumber()!.Value - value.AsNumber()!.Value) < 1e-9 * (1 + Math.Abs(value.AsNumber()!.Value))));
    });

    [Fact]
    public void Coordinates_are_in_the_cube_and_absent_where_the_parameter_is() => Points.Sample((space, point) =>
    {
        var assignment = space.Codec.Decode(point);
        var encoded = space.Codec.Encode(assignment);
        return space.Codec.Dimensions.All(dimension => assignment.ContainsKey(dimension.Parameter.Name)
            ? encoded[dimension.Index] is >= 0 and <= 1
            : double.IsNaN(encoded[dimension.Index]));
    });

    [Fact]
    public void A_mask_says_what_applies_without_decoding() => Points.Sample((space, point) =>
    {
        var encoded = space.Codec.Encode(space.Codec.Decode(point));
        space.Codec.Mask(point);
        return point.Select(double.IsNaN).SequenceEqual(encoded.Select(double.IsNaN));
    });

    [Fact]
    public void A_snapped_coordinate_decodes_to_the_same_level() => Points.Sample((space, point) =>
        space.Codec.Decode([.. point.Select((coordinate, i) => space.Codec.Dimensions[i].Snap(coordinate))]).Equals(space.Codec.Decode(point)));

    [Fact]
    public void Levels_begin_at_their_edges() => Points.Sample((space, _) => space.Codec.Dimensions.Where(dimension => dimension.Levels is not null).All(
        dimension => Enumerable.Range(0, (int)dimension.Levels!.Value).All(level =>
            dimension.Parameter.Domain.LevelOf(dimension.Parameter.Domain.LevelEdge(level) + 1e-9) == level
            && dimension.Parameter.Domain.LevelOf(dimension.Parameter.Domain.LevelEdge(level + 1) - 1e-9) == level)));

    [Fact]
    public void A_range_of_a_number_is_a_condition_too()
    {
        var space = new SearchSpace(
        [
            new("layers", new ParameterDomain.Integer(1, 5)),
            new("second", new ParameterDomain.Uniform(0, 1), [new Condition("layers", [], Min: 2)]),
            new("wide", new ParameterDomain.Uniform(0, 1), [new Condition("layers", [], Min: 2, Max: 3), new Condition("second", [], Max: 0.5)]),
        ]);
        Assert.Equal(["layers=1", "layers=2, second=0.25, wide=0.5", "layers=5, second=0.25"],
            new[] { 0.1, 0.3, 0.9 }.Select(layers => space.Codec.Decode([layers, 0.25, 0.5]).ToString()));
        Assert.Equal("layers=3, second=0.75", space.Codec.Decode([0.5, 0.75, 0.5]).ToString());
    }
}
