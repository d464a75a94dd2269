using CsCheck;

namespace Orchestrator.Search.Tests;

/// <summary>Search spaces to try things on.</summary>
internal static class Spaces
{
    public static readonly SearchSpace Conditional = new(
    [
        new("lr", new ParameterDomain.LogUniform(1e-4, 1e-1, Points: 3)),
        new("momentum", new ParameterDomain.Uniform(0.8, 0.99, Points: 2), [new Condition("optimizer", [ParameterValue.Of("sgd")])]),
        new("optimizer", new ParameterDomain.Choice([ParameterValue.Of("sgd"), ParameterValue.Of("adamw"), ParameterValue.Of("adam")])),
        new("nesterov", new ParameterDomain.Choice([ParameterValue.Of(true), ParameterValue.Of(false)]),
            [new Condition("optimizer", [ParameterValue.Of("sgd"), ParameterValue.Of("adam")])]),
        new("hidden", new ParameterDomain.Integer(64, 256, 64)),
    ]);

    private static readonly Gen<ParameterDomain> Domains = Gen.OneOf<ParameterDomain>(
        Gen.Select(Gen.Double[-10, 10], Gen.Double[0.001, 10], Gen.Int[1, 4], (low, width, points) =>
            (ParameterDomain)new ParameterDomain.Uniform(low, low + width, points)),
        Gen.Select(Gen.Double[1e-6, 1], Gen.Double[1.01, 1e6], Gen.Int[1, 4], (low, ratio, points) =>
            (ParameterDomain)new ParameterDomain.LogUniform(low, low * ratio, points)),
        Gen.Select(Gen.Long[-5, 5], Gen.Long[1, 6], Gen.Long[1, 3], (low, width, step) =>
            (ParameterDomain)new ParameterDomain.Integer(low, low + width, step)),
        Gen.Select(Gen.Long[1, 3], Gen.Long[1, 5], (low, width) => (ParameterDomain)new ParameterDomain.Integer(low, low + width, 1, Log: true)),
        Gen.Select(Gen.Int[-30, 30], Gen.Int[1, 5], (low, steps) =>
            (ParameterDomain)new ParameterDomain.Quantized(low / 10.0, (low + steps) / 10.0, 0.1)),
        Gen.Int[1, 4].Select(count => (ParameterDomain)new ParameterDomain.Choice([.. Enumerable.Range(0, count).Select(i => ParameterValue.Of($"c{i}"))])),
        Gen.Int[2, 4].Select(count => (ParameterDomain)new ParameterDomain.Choice([.. Enumerable.Range(0, count).Select(i => ParameterValue.Of(i * i))], Ordered: true)),
        Gen.Long[0, 9].Select(value => (ParameterDomain)new ParameterDomain.Constant(ParameterValue.Of(value))));

    public static readonly SearchSpace Constrained = new(
        [
            new("x", new ParameterDomain.Uniform(0, 1, Points: 5)),
            new("y", new ParameterDomain.Quantized(0, 1, 0.1)),
            new("n", new ParameterDomain.Integer(1, 16, Log: true)),
        ],
        ["x + y <= 1", "n * x < 8"]);

    /// <summary>One to five parameters, some under a condition on one before or after them.</summary>
    public static readonly Gen<SearchSpace> Any =
        Gen.Select(Domains.Array[1, 5], Gen.Int[0, 5].Array[5], Gen.Double.Unit.Array[5], Gen.Bool, (domains, parents, units, backwards) =>
        {
            var parameters = new List<Parameter>();
            for (var i = 0; i < domains.Length; i++)
            {
                var parent = parents[i] < i ? parameters[parents[i]] : null;
                parameters.Add(new Parameter($"p{i}", domains[i], parent is null ? [] : [On(parent, units[i])]));
            }

            if (backwards)
            {
                parameters.Reverse();
            }

            return new SearchSpace(parameters);
        });

    /// <summary>One value of the parent, or, in the upper half of some numbers, all from there on.</summary>
    private static Condition On(Parameter parent, double unit) => parent.Domain.Bounds is var (low, high) && unit > 0.8
        ? new Condition(parent.Name, [], Min: low + ((high - low) * (unit - 0.6)))
        : new Condition(parent.Name, [parent.Domain.GridPoint((long)(unit * parent.Domain.GridPoints!.Value))]);
}
