using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class SearchSpaceTests
{
    public static TheoryData<string, Parameter[], string> Faults => new()
    {
        { "empty-space", [], "" },
        { "bad-range", [new("x", new ParameterDomain.Uniform(1, 1))], "x" },
        { "bad-range", [new("x", new ParameterDomain.Uniform(double.NaN, 1))], "x" },
        { "bad-range", [new("x", new ParameterDomain.Uniform(0, 1, Points: 0))], "x" },
        { "bad-range", [new("x", new ParameterDomain.LogUniform(0, 1))], "x" },
        { "bad-range", [new("x", new ParameterDomain.Integer(3, 2))], "x" },
        { "bad-range", [new("x", new ParameterDomain.Integer(0, 2, Log: true))], "x" },
        { "bad-range", [new("x", new ParameterDomain.Integer(1, 9, Step: 2, Log: true))], "x" },
        { "bad-range", [new("x", new ParameterDomain.Quantized(0, 1, 0))], "x" },
        { "bad-range", [new("x", new ParameterDomain.Quantized(0, 1, 2))], "x" },
        { "bad-range", [new("x", new ParameterDomain.Choice([]))], "x" },
        { "bad-range", [new("x", new ParameterDomain.Choice([ParameterValue.Of(1), ParameterValue.Of(1.0)]))], "x" },
        { "duplicate-parameter", [Coin("x"), Coin("x")], "x" },
        { "unknown-parent", [Coin("x", ("y", true))], "x" },
        { "bad-condition", [Coin("y"), new("x", new ParameterDomain.Uniform(0, 1), [new Condition("y", [ParameterValue.Of("no")])])], "x" },
        { "bad-condition", [Coin("y"), new("x", new ParameterDomain.Uniform(0, 1), [new Condition("y", [])])], "x" },
        { "condition-cycle", [Coin("a"), Coin("x", ("y", true)), Coin("y", ("x", true))], "x" },
        { "condition-cycle", [Coin("x", ("x", true))], "x" },
        { "bad-condition", [Coin("y"), new("x", new ParameterDomain.Uniform(0, 1), [new Condition("y", [], Min: 1)])], "x" },
        { "bad-condition", [new("y", new ParameterDomain.Integer(1, 4)), new("x", new ParameterDomain.Uniform(0, 1), [new Condition("y", [], Min: 5)])], "x" },
        { "bad-condition", [new("y", new ParameterDomain.Integer(1, 4)), new("x", new ParameterDomain.Uniform(0, 1), [new Condition("y", [], Min: 3, Max: 2)])], "x" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_faulty_space_is_refused_with_the_parameters_name(string code, Parameter[] parameters, string name)
    {
        var refusal = Assert.Throws<SearchSpaceException>(() => new SearchSpace(parameters));
        Assert.Equal((code, name), (refusal.Code, refusal.Parameter));
        Assert.NotEmpty(refusal.Mend);
    }

    [Fact]
    public void Its_json_gives_it_back() => Spaces.Any.Sample(space =>
    {
        var json = JsonSerializer.Serialize(space);
        return json == JsonSerializer.Serialize(JsonSerializer.Deserialize<SearchSpace>(json));
    });

    [Fact]
    public void Assignments_keep_the_declared_order_of_parameters() => Spaces.Any.Sample(space =>
        space.Assign((parameter, _) => parameter.Domain.FromUnit(0.5)).Keys
            .SequenceEqual(space.Parameters.Select(parameter => parameter.Name).Where(space.Assign((p, _) => p.Domain.FromUnit(0.5)).ContainsKey)));

    [Fact]
    public void A_quantized_range_has_its_highest_value() =>
        Assert.Equal(["0", "0.1", "0.2", "0.3"], Enumerable.Range(0, 4).Select(i => new ParameterDomain.Quantized(0, 0.3, 0.1).GridPoint(i).Json));

    [Theory]
    [InlineData("1.0", "1")]
    [InlineData("1e3", "1000")]
    [InlineData("[1.50, \"a\", {\"b\": null}]", "[1.5,\"a\",{\"b\":null}]")]
    [InlineData("\"é <b>\"", "\"é <b>\"")]
    [InlineData("null", "null")]
    public void Equal_values_have_one_text(string json, string canonical)
    {
        var value = ParameterValue.Of(JsonNode.Parse(json));
        Assert.Equal(canonical, value.Json);
        Assert.Equal(value, ParameterValue.Of(value.ToNode()));
        Assert.Equal(value, JsonSerializer.Deserialize<ParameterValue>(JsonSerializer.Serialize(value)));
    }

    [Fact]
    public void A_number_comes_back_with_the_same_bits() => Gen.Double.Where(double.IsFinite).Sample(x =>
        x == 0 || BitConverter.DoubleToInt64Bits(ParameterValue.Of(x).AsNumber()!.Value) == BitConverter.DoubleToInt64Bits(x));

    private static Parameter Coin(string name, params (string Parent, bool Value)[] when) => new(
        name,
        new ParameterDomain.Choice([ParameterValue.Of(true), ParameterValue.Of(false)]),
        [.. when.Select(condition => new Condition(condition.Parent, [ParameterValue.Of(condition.Value)]))]);
}
